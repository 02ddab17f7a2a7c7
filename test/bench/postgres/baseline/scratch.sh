#!/bin/bash
# By way of a scratch database: createdb, the whole dump into it, one tenant's rows out and in.
# No preview, no safety copy, no verification, no proof. Usage: scratch.sh live-url server-url dump tenant-id
set -euo pipefail
LIVE=$1 SERVER=$2 DUMP=$3 TENANT=$4
TABLES=(agents leads audit_conversations audit_messages channel_messages jobs)
own() { [ "$1" = audit_messages ] && echo "conversation_id IN (SELECT id FROM audit_conversations WHERE tenant_id = $TENANT)" || echo "tenant_id = $TENANT"; }
ROWS=$(mktemp -d)
createdb --maintenance-db="$SERVER/postgres" scratch
case $DUMP in
  *.sql.gz) gunzip -c "$DUMP" | psql -qX "$SERVER/scratch" > /dev/null ;;
  *.dump) pg_restore -j2 -d "$SERVER/scratch" "$DUMP" ;;
esac
for table in "${TABLES[@]}"; do
  psql -qX "$SERVER/scratch" -c "COPY (SELECT * FROM $table WHERE $(own "$table")) TO STDOUT" > "$ROWS/$table"
done
{
  echo "BEGIN;"
  for table in jobs channel_messages audit_messages audit_conversations leads agents; do
    echo "DELETE FROM $table WHERE $(own "$table");"
  done
  for table in "${TABLES[@]}"; do echo "\\copy $table FROM '$ROWS/$table'"; done
  echo "COMMIT;"
} | psql -qX -v ON_ERROR_STOP=1 "$LIVE"
dropdb --maintenance-db="$SERVER/postgres" scratch
rm -rf "$ROWS"
