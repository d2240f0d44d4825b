"""What can go wrong for somebody who uses the SDK, and who is at fault.

    ClientError                    what was asked did not happen
    ├── UsageError                 the caller: an argument, a file or an environment is not usable
    │   ├── KeyFileError           a key file: wrong passphrase, damaged, readable by others
    │   ├── ProfileError           a profile: missing, damaged, or another genesis than it pins
    │   ├── FormError              a record written as JSON does not describe a record
    │   └── ImportFileError        a CSV file has cells that cannot be sent; nothing was sent
    ├── ClientRefusal              the rules of the ledger: final, safe to correct and send again
    ├── ImportRefusal              the same for some rows of a file; the others are on the ledger
    ├── NotFound                   nothing of that name is on the ledger
    ├── StillPending               nobody: not decided in the time given; it stays in the outbox
    ├── Unverified                 a node: its answer does not prove what it says
    └── Unreachable                the network or the nodes: nobody answered
        └── Busy                   every node that answered was busy or not ready

``ClientRefusal`` is the client's side of ``ledger.refusal.Refused``: the same code, field and figures,
after they came over the wire. The kinds are never mixed: a refusal is raised only when it is final,
``Unverified`` never says anything about the rules, and whatever left the outcome open is one of
``StillPending``, ``Unverified`` and ``Unreachable``, after which the transaction is still in the outbox.

Every message says what happened, where, and in its last sentence what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

FigureValue: TypeAlias = str | int


class ClientError(Exception):
    """What was asked did not happen. ``code`` is stable, for programs; the text is for people."""

    code: ClassVar[str] = "client_error"

    def as_dict(self) -> dict[str, object]:
        """Return code and text, and what a program needs beside them."""
        return {"code": self.code, "detail": str(self)}


class UsageError(ClientError):
    """An argument, a file or the environment is not usable; nothing was sent."""

    code = "usage"


class KeyFileError(UsageError):
    """A key file cannot be used."""

    code = "key_file"

    def __init__(self, path: object, reason: str) -> None:
        self.path = str(path)
        self.reason = reason
        super().__init__(f"key file {path}: {reason}")


class ProfileError(UsageError):
    """A profile cannot be used; the file and the key in it are named."""

    code = "profile"

    def __init__(self, where: object, reason: str) -> None:
        self.where = str(where)
        self.reason = reason
        super().__init__(f"{where}: {reason}")


class FormError(UsageError):
    """A record written as JSON does not describe a record; ``path`` says where, as in ``[2].buyer``."""

    code = "form"

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}" if path else reason)


@dataclass(frozen=True, slots=True)
class CellProblem:
    """One thing that is wrong with a file, in words."""

    file: str
    row: int
    """Line of the spreadsheet, the header is 1; 0 when the file as a whole is meant."""
    column: str
    """Name of the column; empty when the row as a whole is meant."""
    cell: str
    """What stands there."""
    reason: str
    suggestion: str = ""
    """What to write instead, or what to do."""

    @property
    def sentence(self) -> str:
        """The problem as one line for people."""
        place = self.file
        if self.row:
            place += f", row {self.row}"
        if self.column:
            place += f", column {self.column}"
        found = f" {self.cell!r}:" if self.column else ""
        hint = f" {self.suggestion}" if self.suggestion else ""
        return f"{place}:{found} {self.reason}{hint}"

    def as_dict(self) -> dict[str, object]:
        """Return the problem for programs."""
        return {
            "file": self.file,
            "row": self.row,
            "column": self.column,
            "cell": self.cell,
            "reason": self.reason,
            "suggestion": self.suggestion,
        }


class ImportFileError(UsageError):
    """Files have cells that cannot be sent. All problems up to a limit; nothing was sent."""

    code = "import_file"

    def __init__(self, problems: Sequence[CellProblem], *, more: int = 0) -> None:
        self.problems = tuple(problems)
        self.more = more
        """How many further problems were found and not kept."""
        count = len(self.problems) + more
        lines = [problem.sentence for problem in self.problems]
        if more:
            lines.append(f"… and {more} more")
        lines.append(
            f"{count} {'cell or row' if count == 1 else 'cells or rows'} to correct; "
            "nothing was sent. Correct the file and import it again."
        )
        super().__init__("\n".join(lines))

    def as_dict(self) -> dict[str, object]:
        """Return all problems."""
        return {
            **super().as_dict(),
            "problems": [problem.as_dict() for problem in self.problems],
            "more": self.more,
        }


class ClientRefusal(ClientError):  # noqa: N818 - a refusal is not an error
    """The rules do not admit a transaction, and that is final: correct it and send it again."""

    code = "refused"

    def __init__(
        self,
        refusal_code: str,
        sentence: str,
        *,
        field: str = "",
        record_index: int | None = None,
        figures: Mapping[str, FigureValue] | None = None,
        tx_id: str = "",
    ) -> None:
        self.refusal_code = refusal_code
        """A value of ``ledger.refusal.RefusalCode``, such as ``quota_exceeded``."""
        self.sentence = sentence
        """One sentence in words, with the figures in it."""
        self.field = field
        """Field of the record that is at fault; empty when it is the transaction as a whole."""
        self.record_index = record_index
        """Which record of the transaction; None when it is the transaction as a whole."""
        self.figures = dict(figures or {})
        """The numbers and names behind the sentence; masses in grams, times in milliseconds."""
        self.tx_id = tx_id
        place = "" if record_index is None else f"record {record_index}: "
        named = f" (field {field})" if field else ""
        super().__init__(f"refused by the ledger's rules, {refusal_code}{named}: {place}{sentence}")

    def as_dict(self) -> dict[str, object]:
        """Return rule, field and figures."""
        return {
            **super().as_dict(),
            "refusal_code": self.refusal_code,
            "sentence": self.sentence,
            "field": self.field,
            "record_index": self.record_index,
            "figures": self.figures,
            "tx_id": self.tx_id,
        }


class ImportRefusal(ClientError):  # noqa: N818 - a refusal is not an error
    """The rules do not admit some rows of a file. All others are on the ledger."""

    code = "rows_refused"

    def __init__(self, problems: Sequence[CellProblem], *, done: Mapping[str, object]) -> None:
        self.problems = tuple(problems)
        self.done = dict(done)
        """What the import has done."""
        lines = [problem.sentence for problem in self.problems]
        were = "row was" if len(lines) == 1 else "rows were"
        lines.append(
            f"{len(lines)} {were} refused by the ledger's rules; all others, "
            f"{self.done.get('records', 0)} new and {self.done.get('already', 0)} earlier ones, are "
            "on the ledger. Correct the file and import it again: only what is new is sent."
        )
        super().__init__("\n".join(lines))

    def as_dict(self) -> dict[str, object]:
        """Return the refused rows and what was done."""
        return {
            **super().as_dict(),
            "problems": [problem.as_dict() for problem in self.problems],
            "done": self.done,
        }


class NotFound(ClientError):  # noqa: N818 - says what it is
    """Nothing of that name is on the ledger, as of the height that was asked."""

    code = "not_found"


class StillPending(ClientError):  # noqa: N818 - says what it is
    """A transaction was not decided in the time given. It stays in the outbox and may yet be final."""

    code = "pending"

    def __init__(self, tx_id: str, reason: str, *, valid_until_ms: int) -> None:
        self.tx_id = tx_id
        self.reason = reason
        """The rule that makes it wait, in words; empty when no node said."""
        self.valid_until_ms = valid_until_ms
        why = f": {reason.rstrip('.')}" if reason else ""
        super().__init__(
            f"transaction {tx_id} is not decided yet{why}. It stays in the outbox, and a node that "
            "has it may still bring it onto the ledger; do not write it anew, continue with "
            "`monazite outbox resume` (Client.resume_outbox)."
        )

    def as_dict(self) -> dict[str, object]:
        """Return what waits, and until when it may."""
        return {
            **super().as_dict(),
            "tx_id": self.tx_id,
            "reason": self.reason,
            "valid_until_ms": self.valid_until_ms,
        }


class Unverified(ClientError):  # noqa: N818 - says what it is
    """An answer does not prove what it says: the node lies, is damaged, or is of another network."""

    code = "unverified"

    def __init__(self, node: str, reason: str) -> None:
        self.node = node
        self.reason = reason
        super().__init__(
            f"the answer of {node} does not verify: {reason}. Keep the answer, tell the node's "
            "operator, and ask another node."
        )

    def as_dict(self) -> dict[str, object]:
        """Return which node, and what does not verify."""
        return {**super().as_dict(), "node": self.node, "reason": self.reason}


class Unreachable(ClientError):  # noqa: N818 - says what it is
    """No node answered usefully in the time given; each node's trouble is told."""

    code = "unreachable"

    def __init__(self, troubles: Mapping[str, str], *, what: str = "", advice: str = "") -> None:
        self.troubles = dict(troubles)
        """What was wrong, by node."""
        lines = "; ".join(f"{node}: {reason}" for node, reason in self.troubles.items())
        doing = f" for {what}" if what else ""
        more = f" {advice}" if advice else ""
        super().__init__(f"{self._headline()}{doing} ({lines}). {self._advice()}{more}")

    def _headline(self) -> str:
        return "no node could be reached"

    def _advice(self) -> str:
        return "Check the addresses (`monazite profile show`) and that a node is running."

    def as_dict(self) -> dict[str, object]:
        """Return the trouble with each node."""
        return {**super().as_dict(), "nodes": self.troubles}


class Busy(Unreachable):
    """Every node that answered was busy or not ready."""

    code = "busy"

    def _headline(self) -> str:
        return "every node is busy or not ready"

    def _advice(self) -> str:
        return "Try again in a minute, or send less at once."
