# Runs schema.sql or changes.sql. MYSQL_PWD, which the client reads by itself, holds the password.
set -eu
sql() {
  mysql --host="$DB_HOST" --port="$DB_PORT" --user="$DB_USER" --ssl-mode=REQUIRED "$@"
}
case "$1" in
  schema)
    # DMS must find the binlog that it has not read yet.
    sql --execute="call mysql.rds_set_configuration('binlog retention hours', 24)"
    sql <"/sql/schema.sql"
    ;;
  changes) sql <"/sql/changes.sql" ;;
  *)
    echo "error: found \"$1\", expected schema or changes" >&2
    exit 2
    ;;
esac
echo "$1: done"
