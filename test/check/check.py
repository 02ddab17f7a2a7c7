"""An independent check of what a restore did, with nothing but Python's sqlite3.

check.py --facts facts.json --before before.db --after after.db --backup backup.db --tenant slug
         [--mode exact|keep-new|missing] [--tables a,b] [--unchanged] [--verbatim]

`facts.json` is written by hand in test/worlds: who owns which table. Values are compared as stored: typeof and
bytes, REAL by its bits. Prints one problem a line; exit 1 when there is any.
"""

import argparse
import json
import sqlite3
import struct
import sys
from collections import Counter

problems = []


def problem(text):
    problems.append(text)


def quote(name):
    return '"' + name.replace('"', '""') + '"'


NULL = (b"null", None)


def same(value):
    return value


def said(value):
    """What a key says where its table is known to store it in another form than its parent."""
    kind, content = value
    return NULL if kind == b"null" else (content if isinstance(content, bytes) else str(content).encode()).lower()


class Side:
    """One database file, read whole."""

    def __init__(self, path, facts):
        self.db = sqlite3.connect(path)
        self.db.text_factory = bytes
        self.tables = {name: self.read(name) for name in facts["tables"] if self.columns(name)}
        self.facts = facts

    def columns(self, table):
        return [row[1].decode() for row in self.db.execute(f"PRAGMA table_xinfo({quote(table)})") if row[6] != 1]

    def read(self, table):
        """All rows as {column: (type, value)} by what is stored, not by what it equals; last, under None, the rowid."""
        names = self.columns(table)
        parts = [f"typeof({quote(n)}), CASE typeof({quote(n)}) WHEN 'text' THEN CAST({quote(n)} AS BLOB) ELSE {quote(n)} END" for n in names]
        rowid = next((alias for alias in ("rowid", "_rowid_", "oid") if alias not in [n.lower() for n in names]), None)
        try:
            found = self.db.execute(f"SELECT {', '.join(parts)}, {rowid} FROM {quote(table)}").fetchall()
        except sqlite3.OperationalError:  # WITHOUT ROWID
            found = [(*row, None) for row in self.db.execute(f"SELECT {', '.join(parts)} FROM {quote(table)}")]
        rows = []
        for values in found:
            kinds = values[:-1:2]
            row = dict(zip(names, zip(kinds, values[1:-1:2])))
            if b"real" in kinds:
                row.update((name, (kind, struct.pack(">d", value))) for name, (kind, value) in row.items() if kind == b"real")
            row[None] = values[-1]
            rows.append(row)
        return rows

    def tenant(self, slug):
        """The stored id of the tenant, or None when it is not here."""
        about = self.facts["tenants"]
        for row in self.tables.get(about["table"], []):
            kind, text = row[about["slug"]]
            if kind == b"text" and text in (slug.encode("utf-8"), slug.encode("utf-16-le")):
                return row[about["id"]]
        return None

    def slice(self, tenant, claimed=None):
        """Rows of the tenant per table, and the others, by following the facts until nothing new is found.

        `claimed`: the tenant's rows in the backup. A row whose parent is gone belongs to whom that parent belonged to,
        and a row that leads to nobody (its links are NULL, or lead to no row) to whom it belonged by its key.
        """
        mine = {name: set() for name in self.tables}
        grew = True
        while grew:
            grew = False
            for name, rows in self.tables.items():
                about = self.facts["tables"][name]
                read = said if about.get("loose") else same
                belongs = self.membership(about["rule"], tenant, mine, claimed or {}, read)
                cut = self.cut_loose(about, (claimed or {}).get(name, []), read)
                found = {index for index, row in enumerate(rows) if belongs(row) or cut(row)}
                grew = grew or not found <= mine[name]
                mine[name] |= found
        inside = {name: [rows[i] for i in sorted(mine[name])] for name, rows in self.tables.items()}
        outside = {name: [row for i, row in enumerate(rows) if i not in mine[name]] for name, rows in self.tables.items()}
        return inside, outside

    def membership(self, rule, tenant, mine, claimed, read):
        if rule["via"] in ("identity", "column"):
            return lambda row: read(row[rule["column"]]) == read(tenant)
        keys = []
        for link in rule.get("links", []):
            parents = [self.tables[link["parent"]][i] for i in mine[link["parent"]]] + claimed.get(link["parent"], [])
            keys.append((link["columns"], {tuple(read(parent[c]) for c in link["parentColumns"]) for parent in parents}))
        return lambda row: any(
            NULL not in (value := tuple(read(row[c]) for c in columns)) and value in held for columns, held in keys
        )

    def cut_loose(self, about, claimed, read):
        rule, key = about["rule"], about.get("key")
        if not key or not claimed or rule["via"] not in ("column", "links"):
            return lambda row: False
        named = {name for row in claimed if NULL not in (name := tuple(row[column] for column in key))}
        if rule["via"] == "column":
            return lambda row: row[rule["column"]] == NULL and tuple(row[column] for column in key) in named
        ways = []
        for link in rule["links"]:
            parents = self.tables[link["parent"]]
            ways.append((link["columns"], {tuple(read(parent[c]) for c in link["parentColumns"]) for parent in parents}))
        return lambda row: tuple(row[column] for column in key) in named and not any(
            NULL not in (value := tuple(read(row[c]) for c in columns)) and value in held for columns, held in ways
        )

    def sequences(self):
        has = self.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone()
        return dict(self.db.execute("SELECT name, seq FROM sqlite_sequence")) if has else {}

    def violations(self):
        """Dangling references. The rowid of a row without a key says nothing: put back, it has another."""
        keyed = {name.encode() for name, about in self.facts["tables"].items() if about.get("key")}
        try:
            found = self.db.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.OperationalError:  # a key that no unique index stands behind: SQLite itself cannot check
            return Counter()
        return Counter((table, rowid if table in keyed else None, *rest) for table, rowid, *rest in found)

    def structure(self):
        return self.db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2, 3").fetchall()


def frozen(row, without=(), rowid=False):
    kept = tuple(row.items())[:-1]
    if without:
        kept = tuple((name, value) for name, value in kept if name not in without)
    return (kept, row[None]) if rowid else kept


def count(rows, without=(), rowid=False):
    return Counter(frozen(row, without, rowid) for row in rows)


def gone(before, after, without=(), rowid=False):
    """Rows of `before` that are not in `after`."""
    return Counter() if before == after else count(before, without, rowid) - count(after, without, rowid)


def expected(mode, key, before, backup):
    """The rows a table's slice must hold afterwards; None when only a lower bound is known."""
    if mode == "exact":
        return backup
    if mode == "keep":
        return before
    if not key:
        return None
    name = lambda row: tuple(row[column] for column in key)
    there, saved = {name(row) for row in before}, {name(row) for row in backup}
    if mode == "missing":
        return before + [row for row in backup if name(row) not in there]
    return backup + [row for row in before if name(row) not in saved]


def check_slice(table, facts, mode, before, backup, after):
    untouched = facts.get("untouched", [])
    mode = facts.get("restore", "exact") if mode == "exact" and facts.get("restore") else mode
    wanted = expected(mode, facts.get("key"), before, backup)
    if wanted is None:
        # Without a key, rows are counted: nothing may be lost of either side.
        if (count(before) | count(backup)) - count(after):
            problem(f"{table}: rows are missing after mode {mode}")
        return
    lacking, extra = gone(wanted, after, untouched), gone(after, wanted, untouched)
    if lacking or extra:
        problem(f"{table}: {sum(lacking.values())} rows lacking, {sum(extra.values())} too many; e.g. {list((lacking or extra))[:1]}")


def check_untouched(table, facts, about, before, after):
    for column in facts.get("untouched", []):
        held = {row[about["id"]]: row[column] for row in before}
        for row in after:
            kind, text = held.get(row[about["id"]], (b"text", about.get("suspended", "").encode()))
            if row[column][1] not in (text, text.decode("utf-8", "ignore").encode("utf-16-le")):
                problem(f"{table}.{column} changed, or a recreated tenant is not suspended")


def check_rest(facts, before, after, backup):
    if before.structure() != after.structure():
        problem("the schema changed")
    now = after.sequences()
    for name, seq in before.sequences().items():
        if now.get(name, -1) < seq:
            problem(f"the counter of {name!r} went from {seq} to {now.get(name)}")
    for violation in after.violations() - before.violations() - backup.violations():
        problem(f"a new foreign key violation: {violation}")
    verdict = after.db.execute("PRAGMA integrity_check").fetchall()
    if verdict != [(b"ok",)]:
        problem(f"integrity: {verdict[:3]}")
    copy = sqlite3.connect(":memory:")
    copy.text_factory = bytes
    after.db.backup(copy)
    for text in facts["fullText"]:
        name, columns = quote(text["table"]), ", ".join(quote(column) for column in text["columns"])
        try:
            copy.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")
        except sqlite3.DatabaseError as error:
            problem(f"full text of {text['table']}: {error}")
        sql = f"SELECT rowid, {columns} FROM {{}} ORDER BY 1"
        if copy.execute(sql.format(name)).fetchall() != copy.execute(sql.format(quote(text["source"]))).fetchall():
            problem(f"full text of {text['table']} does not hold the rows of {text['source']}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("--facts", "--before", "--after", "--backup", "--tenant"):
        parser.add_argument(name, required=True)
    parser.add_argument("--mode", default="exact")
    parser.add_argument("--tables")
    parser.add_argument("--known", help="a database that knows the tenant, when the others do not")
    parser.add_argument("--unchanged", action="store_true", help="nothing at all may differ from before")
    parser.add_argument("--verbatim", action="store_true", help="an undo: no column and no table is excepted")
    given = parser.parse_args()
    facts = json.load(open(given.facts, encoding="utf-8"))
    if given.verbatim:
        for about in facts["tables"].values():
            about.pop("restore", None)
            about.pop("untouched", None)
    before, after, backup = (Side(path, facts) for path in (given.before, given.after, given.backup))
    if given.unchanged:
        for table in facts["tables"]:
            was, now = before.tables[table], after.tables[table]
            if gone(was, now, rowid=True) or gone(now, was, rowid=True):
                problem(f"{table}: rows changed although nothing should have")
        check_rest(facts, before, after, backup)
        return

    known = Side(given.known, facts) if given.known else before
    tenant = backup.tenant(given.tenant) or before.tenant(given.tenant) or known.tenant(given.tenant)
    if tenant is None:
        problem(f"the checker does not know the tenant {given.tenant}")
        return
    # Of a database put back as it was (an undo), what is the tenant's by its key alone is said by the backup before.
    claimed = known.slice(tenant)[0] if given.known else None
    then, _ = backup.slice(tenant, claimed)
    (was, others_before), (now, others_after) = (side.slice(tenant, claimed or then) for side in (before, after))
    chosen = given.tables.split(",") if given.tables else None
    for table, about in facts["tables"].items():
        rowid = bool(about.get("key")) or about["rule"]["via"] != "links"
        lost, added = (
            gone(one[table], other[table], rowid=rowid)
            for one, other in ((others_before, others_after), (others_after, others_before))
        )
        if lost or added:
            problem(f"{table}: rows that are not {given.tenant}'s changed; e.g. {list(lost)[:1] or 'a row was added'}")
        mode = given.mode if chosen is None or table in chosen else "keep"
        check_slice(table, about, mode, was[table], then[table], now[table])
        check_untouched(table, about, facts["tenants"], was[table], now[table])
    check_rest(facts, before, after, backup)


if __name__ == "__main__":
    main()
    print("\n".join(problems) if problems else "ok")
    sys.exit(1 if problems else 0)
