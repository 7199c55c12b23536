#!/usr/bin/env bash
# One database for each service, owned by a role of its own. The PostgreSQL image runs this once, on an empty volume.
set -euo pipefail

make_database() {
    # Through the environment: on a command line every process of the container could read the password.
    ROLE_PASSWORD="$2" psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=name="$1" \
        --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\getenv password ROLE_PASSWORD
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

make_database weather "$WAREHOUSE_PASSWORD"
make_database dagster "$DAGSTER_PASSWORD"
make_database marquez "$MARQUEZ_PASSWORD"
