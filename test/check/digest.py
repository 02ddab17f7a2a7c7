"""Recomputes the digest of a tenant's slice, as src/engine/digest.ts and databases/sqlite/encoding.ts describe it.

digest.py facts.json file.db slug
"""
import hashlib
import json
import sys

from check import Side, quote


def encoded(kind, value, utf16):
    if kind == "null":
        return b"N"
    if kind == "integer":
        return b"I%d;" % value
    if kind == "real":
        return b"R" + value.hex().encode()
    if kind == "blob":
        return b"B%d:" % len(value) + value.hex().upper().encode()
    return b"T%d:" % len(value) + (value.decode("utf-16-le").encode() if utf16 else value)


def sha256(parts):
    return hashlib.sha256(json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


facts = json.load(open(sys.argv[1], encoding="utf-8"))
side = Side(sys.argv[2], facts)
utf16 = side.db.execute("PRAGMA encoding").fetchone()[0] != b"UTF-8"
order = lambda name: name.encode("utf-16-be")
tables = {}
for table, rows in side.slice(side.tenant(sys.argv[3]))[0].items():
    stored = [row[1].decode() for row in side.db.execute(f"PRAGMA table_xinfo({quote(table)})") if row[6] == 0]
    names = sorted(stored, key=order)
    hashes = [hashlib.sha256(b"".join(encoded(*row[name], utf16) for name in names)).digest() for row in rows]
    total = sum(int.from_bytes(one, "little") for one in hashes) % 2**256
    tables[table] = {"rows": len(rows), "digest": sha256([table, names, len(rows), total.to_bytes(32, "little").hex()])}
filled = sorted((name for name in tables if tables[name]["rows"]), key=order)
print(json.dumps({"digest": sha256([[name, tables[name]["digest"]] for name in filled]), "tables": tables}))
