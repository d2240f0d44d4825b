"""CSV files of clerks, into records on the ledger.

A file is checked whole before anything is sent; every cell that is wrong is named with what to write instead.
Then its rows become records, travel in transactions of up to 200, and are noted in a journal as they become
final, so that the corrected file, sent again, adds only what is new.

==================  ===============================================================================
module              holds
==================  ===============================================================================
``columns``         the six kinds of files and their columns
``reading``         bytes into rows: encodings, header, shape
``cells``           one cell into one value, or a problem in words
``rows``            the typed rows of each kind, checked as far as the file itself tells
``register``        what the ledger knows that rows refer to: members, products, lots, offers
``resolving``       rows into records
``journal``         which rows were sent and which are final, on disk
``loading``         all of it in order: ``import_file`` and ``import_files``
==================  ===============================================================================

Master data (members, facilities, products, plans, grants) are not imported here: they are decisions of the
ministry and are written with ``monazite submit``.
"""
