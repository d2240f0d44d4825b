"""``monazite node run HOME``: run one node until it is told to stop.

Whatever keeps a node from starting is a sentence and an exit code, never a traceback: 2 for what an
operator has to change, 11 when another process holds home or store, 1 for a node that failed while running.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path
from typing import Final

from client.cli.exit_codes import ExitCode
from client.errors import ClientError
from client.keystore import load_seed
from client.passphrase import PassphraseSource
from consensus.journal import JournalError as ConsensusJournalError
from ledger.commit import EmptyStoreError
from ledger.errors import InvalidGenesisError
from node.config import ConfigurationError, load_configuration
from node.home import Home, HomeError, read_genesis
from node.listening import PortInUseError
from node.logs import set_up_logs
from node.service import NodeFailedError, NodeKeys, NodeService
from node.storage.journal_errors import JournalError
from node.storage.leveldb import StoreError, StoreInUseError
from node.storage.lock import HomeInUseError

GC_THRESHOLD: Final = 50_000
"""Allocations between collections: blocks make many short-lived values and hardly any cycles."""

_IN_USE: Final = (HomeInUseError, StoreInUseError)
_CANNOT_START: Final = (
    ClientError,
    ConfigurationError,
    ConsensusJournalError,
    EmptyStoreError,
    HomeError,
    InvalidGenesisError,
    JournalError,
    PortInUseError,
    StoreError,
    OSError,
)


class NodeExit(ClientError):  # noqa: N818 - how a node's command ends
    """A command of the node's package has ended, with a code and a sentence."""

    code = "node"

    def __init__(self, exit_code: ExitCode, sentence: str) -> None:
        self.exit_code = exit_code
        self.sentence = sentence
        super().__init__(sentence)


def run_node(path: Path, passphrase: PassphraseSource) -> None:
    """Run the node in a home until SIGTERM or SIGINT.

    Raises:
        NodeExit: It could not start, or failed.
    """
    home = Home(path)
    try:
        configuration = load_configuration(home.configuration)
        genesis = read_genesis(home)
        keys = NodeKeys(
            node=load_seed(home.node_key, passphrase),
            consensus=load_seed(home.consensus_key, passphrase)
            if home.consensus_key.exists()
            else None,
        )
        section = configuration.node
        log = set_up_logs(section.name, level=section.log_level, form=section.log_format)
        service = NodeService(home, configuration, genesis, keys, log)
        gc.set_threshold(GC_THRESHOLD)
        asyncio.run(_until_signal(service))
    except _IN_USE as error:
        raise NodeExit(ExitCode.STORE_IN_USE, str(error)) from error
    except NodeFailedError as error:
        raise NodeExit(ExitCode.UNEXPECTED, f"the node has stopped: {error}") from error
    except _CANNOT_START as error:
        raise NodeExit(ExitCode.USAGE, str(error) or type(error).__name__) from error


async def _until_signal(service: NodeService) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)
    await service.run()
