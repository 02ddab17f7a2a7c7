#!/bin/bash
# "Selective Tenant Restore" of multi-tenant-backup-dr.md, step by step, with the tenant tables of this database.
# Its list forgets tables that belong to a tenant only through keys; here audit_messages is in, so that both restore the same rows.
# Usage: document.sh live.db backup.db.gz tenant-id
set -euo pipefail
LIVE=$1 BACKUP_FILE=$2 TENANT_ID=$3
TENANT_TABLES=(audit_messages agents leads audit_conversations channel_messages jobs)
own() { [ "$1" = audit_messages ] && echo "conversation_id IN (SELECT id FROM audit_conversations WHERE tenant_id = $TENANT_ID)" || echo "tenant_id = $TENANT_ID"; }
TEMP_DIR=$(mktemp -d -p "$(dirname "$LIVE")")
# 2. Extract tenant data from the backup
gunzip -c "$BACKUP_FILE" > "$TEMP_DIR/backup.db"
for table in "${TENANT_TABLES[@]}"; do
  sqlite3 "$TEMP_DIR/backup.db" <<EOF > "$TEMP_DIR/${table}.sql"
.mode insert $table
SELECT * FROM $table WHERE $(own $table);
EOF
done
# 3. Safety backup of the current state (scripts/db_backup.sh is .backup, then gzip)
sqlite3 "$LIVE" ".backup '$TEMP_DIR/safety.db'"
gzip "$TEMP_DIR/safety.db"
cp "$LIVE" "$TEMP_DIR/before_tenant_restore.db"
# 4. Delete the current tenant data
sqlite3 "$LIVE" <<EOF
BEGIN TRANSACTION;
$(for table in "${TENANT_TABLES[@]}"; do echo "DELETE FROM $table WHERE $(own $table);"; done)
COMMIT;
EOF
# 5. Restore
for table in "${TENANT_TABLES[@]}"; do sqlite3 "$LIVE" < "$TEMP_DIR/${table}.sql"; done
# 6. Verify
for table in "${TENANT_TABLES[@]}"; do
  sqlite3 "$LIVE" "SELECT '$table', COUNT(*) FROM $table WHERE $(own $table);" > /dev/null
done
rm -rf "$TEMP_DIR"
