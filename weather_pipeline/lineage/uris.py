r"""A dataset's URI → namespace and name, by OpenLineage's naming rules (`naming.md` of the specification).

| URI | namespace | name |
| --- | --- | --- |
| `s3://`, `s3a://`, `s3n://`, `gs://`, `gcs://`, `oss://` bucket/key | `s3://bucket`, `gs://bucket` | key |
| `abfss://container@account…/path`, `wasbs://…` | scheme, container and account | path |
| `hdfs://host:port/path`, `dbfs://workspace/path` | scheme and authority | path, with its `/` |
| `/path`, `path`, `file:///path`, `C:\path` | `file` | path |
| `file://host/path`, `\\host\share` | `file://host` | path |
| `postgresql://host/db/schema/table`, and all other databases | scheme, host and port | dotted |
| `snowflake://account/db/schema/table` | `snowflake://account` | dotted |
| `bigquery://project/dataset/table` | `bigquery` | dotted |
| `redshift://cluster.….region.redshift.amazonaws.com/…` | `redshift://cluster.region:5439` | dotted |
| `awsathena://athena.region.amazonaws.com/catalog/db/table` | scheme and host | dotted |
| `arn:aws:glue:region:account:table/db/table`, `glue://…` | `arn:aws:glue:region:account` | `table/db/table` |
| `azurecosmos://host/dbs/db/colls/table` | `azurecosmos://host/dbs/db` | `colls/table` |
| `azurekusto://host/db/table` | scheme and host | `db/table` |
| `kafka://host:port/topic` | scheme, host and port | topic |
| `pubsub://project/topic` | `pubsub` | `topic:project:topic` |
| any other, as `https://host/path` | scheme and authority | path |

`jdbc:` and drivers (`postgresql+psycopg://`) are taken off. User info, query and fragment are dropped everywhere:
they hold secrets and no identity.

A name is what the data is called. An address is a URI by RFC 3986, in which a space is `%20`: of names by
`address_of_name`, of what somebody wrote as a URI or path by `address`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, unquote, urlsplit

if TYPE_CHECKING:
    from openlineage.client.naming.dataset import DatasetNaming

Name = tuple[str, str]
"""Namespace and name."""

_ALIASES = {
    "postgresql": "postgres",
    "s3a": "s3",
    "s3n": "s3",
    "gcs": "gs",
    "abfs": "abfss",
    "wasb": "wasbs",
    "athena": "awsathena",
    "mariadb": "mysql",
    "cosmos": "azurecosmos",
    "kusto": "azurekusto",
    "presto": "trino",
}
_PORTS = {
    "cassandra": 9042,
    "clickhouse": 9000,
    "crate": 5432,
    "db2": 50000,
    "hive": 10000,
    "mongodb": 27017,
    "mssql": 1433,
    "mysql": 3306,
    "oceanbase": 2881,
    "oracle": 1521,
    "postgres": 5432,
    "redshift": 5439,
    "sqlserver": 1433,
    "teradata": 1025,
    "trino": 8080,
    "vertica": 5433,
}
"""Databases and the port that they have where a URI gives none."""

DATABASES = frozenset({*_PORTS, "awsathena", "bigquery", "snowflake", "databricks"})
"""Schemes whose datasets are tables."""

OBJECT_STORES = frozenset({"s3", "gs", "abfss", "wasbs", "oss", "cos", "adl", "hdfs", "dbfs", "file", "webhdfs"})
"""Schemes whose datasets are files."""

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.-]*)(?:\+[A-Za-z0-9.+-]+)?(?=:)")
_REDSHIFT = re.compile(r"([^.]+)\.[^.]+\.([^.]+)\.redshift(?:-serverless)?\.amazonaws\.com(?:\.cn)?")
_GLUE = re.compile(r"arn:aws[a-z-]*:glue:([^:]+):([^:]+):table/([^/]+)/([^/]+)")

_IN_PATHS = "/:@!$&'()*+,;="
"""What a URI's path may hold beside letters, digits and `_.-~`."""
_NO_CODE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_AUTHORITY = re.compile(r"(?:[^:@\[\]]*@)?(?:\[([^\[\]]+)\]|[^:@\[\]]*)(?::\d*)?", re.ASCII)
_URI = re.compile(
    r"[a-z][a-z0-9+.-]*:(?://([^/?#]*)|(?!//))[\w.~!$&'()*+,;=:@%/-]*"
    r"(?:\?[\w.~!$&'()*+,;=:@%/?-]*)?(?:#[\w.~!$&'()*+,;=:@%/?-]*)?",
    re.ASCII | re.IGNORECASE,
)


class Unnamed(ValueError):
    """A URI that lacks a part by which its kind of dataset is named."""


def scheme_of(namespace: str) -> str:
    """The scheme of a namespace: `postgres` of `postgres://host:5432`, `file` of `file`, `arn` of an ARN."""
    return namespace.partition("://")[0].partition(":")[0].lower()


def without_user_info(namespace: str) -> str:
    """A namespace without user and password; a container before an Azure account is identity, and stays."""
    scheme, separator, rest = namespace.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if not at or (scheme in ("abfss", "wasbs", "abfs", "wasb") and ":" not in user):
        return namespace
    return f"{scheme}{separator}{host}{slash}{path}"


def dataset_name(uri: str) -> Name:
    """Namespace and name of the dataset at a URI or path.

    Raises:
        Unnamed: It lacks a part by which its kind of dataset is named.
        ValueError: It is no URI.
    """
    if uri.startswith("\\\\"):
        host, _, path = uri[2:].replace("\\", "/").partition("/")
        return f"file://{host}", f"/{path}"
    if _WINDOWS.match(uri):
        return "file", "/" + uri.replace("\\", "/")
    if glue := _GLUE.fullmatch(uri):
        return _glue_table(*glue.groups())
    uri = uri.removeprefix("jdbc:")
    scheme, rest = _scheme_and_rest(uri)
    if not scheme:
        return "file", uri
    parts = urlsplit(scheme + rest)
    scheme = _ALIASES.get(scheme, scheme)
    return _BY_SCHEME.get(scheme, _table if scheme in DATABASES else _authority_and_path)(scheme, parts)


def _scheme_and_rest(uri: str) -> tuple[str, str]:
    """The scheme, without a driver, and what follows it; no scheme where it is a path."""
    match = _SCHEME.match(uri)
    scheme = match.group(1).lower() if match else ""
    if not match or (scheme not in _BY_SCHEME and scheme not in DATABASES and "://" not in uri):
        return "", uri
    return scheme, uri[match.end() :]


def address(place: str) -> str:
    """The URI (RFC 3986) of what somebody wrote as a URI or path, without user info, query and fragment.

    What no URI may hold is percent-encoded; what is encoded already stays. A path is one of `file:`.
    """
    if place.startswith("\\\\"):
        return "file:" + _encoded(place.replace("\\", "/"))
    if _WINDOWS.match(place):
        return _of_file("/" + place.replace("\\", "/"))
    if not _scheme_and_rest(place.removeprefix("jdbc:"))[0] and not _GLUE.fullmatch(place):
        return _of_file(place)
    scheme, separator, rest = without_user_info(re.split(r"[?#]", place, maxsplit=1)[0]).partition("://")
    authority, slash, path = rest.partition("/")
    # Of several hosts the first, as in names.
    return _as_it_is(scheme) + separator + _authority(authority.split(",")[0]) + slash + _as_it_is(path)


def address_of_name(namespace: str, name: str) -> str:
    """The URI (RFC 3986) of a dataset of which the names are all that is known."""
    if namespace == "file":
        return _of_file(name)
    path = _encoded(name).lstrip("/")
    separator = "/" if "://" in namespace else ":"
    found = address(namespace) if separator == "/" else namespace
    return whole if is_uri(whole := f"{found}{separator}{path or '/'}") else f"dagster:{_encoded(namespace)}/{path}"


def is_uri(text: str) -> bool:
    """Whether a text is a URI by RFC 3986."""
    match = _URI.fullmatch(text)
    authority = match[1] if match else None
    return bool(match) and not _NO_CODE.search(text) and (authority is None or _authority(authority) == authority)


def _of_file(path: str) -> str:
    return f"file://{_encoded(path)}" if path.startswith("/") else f"file:{_encoded(path)}"


def _encoded(text: str) -> str:
    """A name or path as a URI holds it."""
    return quote(text, safe=_IN_PATHS, errors="replace")


def _as_it_is(text: str) -> str:
    """A part of a URI, in which something may be encoded already."""
    return quote(_NO_CODE.sub("%25", text), safe=f"{_IN_PATHS}%", errors="replace")


def _authority(authority: str) -> str:
    """Host and port as a URI holds them; what can't be that is a name in which every sign is encoded."""
    match = _AUTHORITY.fullmatch(authority)
    literal = match[1] if match else None
    if not match or (literal and not _is_ipv6(literal)):
        return quote(authority, safe="", errors="replace")
    return quote(_NO_CODE.sub("%25", authority), safe=":@!$&'()*+,;=%" + ("[]" if literal else ""), errors="replace")


def _is_ipv6(literal: str) -> bool:
    try:
        IPv6Address(literal)
    except AddressValueError:
        return False
    return "%" not in literal


def _host(parts: SplitResult, scheme: str) -> str:
    """Host and port; of several hosts the first, as bootstrap servers are named."""
    netloc = parts.netloc.rpartition("@")[2].split(",")[0]
    first = urlsplit(f"//{netloc}")
    host = first.hostname or ""
    port = first.port or _PORTS.get(scheme)
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def _levels(parts: SplitResult, *, of: int | None = None) -> list[str]:
    """The path's parts: `/db/schema/table`, or `/db.schema.table`.

    Raises:
        Unnamed: There are not as many as asked for.
    """
    levels = [level for level in unquote(parts.path).strip("/").split("/") if level]
    if of is None:
        return levels
    if len(levels) == 1 and of > 1:
        levels = levels[0].split(".")
    if len(levels) != of or not all(levels):
        raise Unnamed(f"{of} parts are needed after the host, {len(levels)} were given")
    return levels


def _of(named: DatasetNaming) -> Name:
    return named.get_namespace(), named.get_name()


def _table(scheme: str, parts: SplitResult) -> Name:
    return f"{scheme}://{_host(parts, scheme)}", ".".join(_levels(parts))


def _authority_and_path(scheme: str, parts: SplitResult) -> Name:
    return f"{scheme}://{_host(parts, scheme)}", unquote(parts.path).strip("/") or "/"


def _rooted_path(scheme: str, parts: SplitResult) -> Name:
    return f"{scheme}://{_host(parts, scheme)}", unquote(parts.path).rstrip("/") or "/"


def _file(scheme: str, parts: SplitResult) -> Name:
    path = unquote(parts.path)
    host = parts.hostname
    return (f"{scheme}://{host}" if host and host != "localhost" else scheme), path or "/"


def _azure(scheme: str, parts: SplitResult) -> Name:
    container, at, host = parts.netloc.rpartition("@")
    host = host.split(":")[0]
    account = host.split(".")[0]
    path = unquote(parts.path).strip("/") or "/"
    if not at:
        return f"{scheme}://{host}", path
    container = container.split(":")[0]
    if host not in (account, f"{account}.dfs.core.windows.net", f"{account}.blob.core.windows.net"):
        return f"{scheme}://{container}@{host}", path  # another cloud's address
    from openlineage.client.naming.dataset import ABFSS, WASBS

    return _of((ABFSS if scheme == "abfss" else WASBS)(container, account, path))


def _snowflake(_: str, parts: SplitResult) -> Name:
    account = (parts.hostname or "").removesuffix(".snowflakecomputing.com")
    return f"snowflake://{account}", ".".join(_levels(parts, of=3))


def _bigquery(_: str, parts: SplitResult) -> Name:
    project = parts.netloc.rpartition("@")[2]
    whole = parts._replace(path="/".join(part for part in (project, parts.path.strip("/")) if part))
    project, dataset, table = _levels(whole, of=3)
    from openlineage.client.naming.dataset import BigQuery

    return _of(BigQuery(project, dataset, table))


def _redshift(scheme: str, parts: SplitResult) -> Name:
    address = _REDSHIFT.fullmatch(parts.hostname or "")
    if address is None:
        return _table(scheme, parts)
    port = _host(parts, scheme).rpartition(":")[2]
    return f"redshift://{address[1]}.{address[2]}:{port}", ".".join(_levels(parts))


def _athena(_: str, parts: SplitResult) -> Name:
    return f"awsathena://{parts.hostname or ''}", ".".join(_levels(parts, of=3))


def _glue(_: str, parts: SplitResult) -> Name:
    account = parts.netloc.rpartition("@")[2]
    region, database, table = _levels(parts, of=3)
    return _glue_table(region, account, database, table)


def _glue_table(region: str, account: str, database: str, table: str) -> Name:
    from openlineage.client.naming.dataset import AWSGlue

    return _of(AWSGlue(region, account, database, table))


def _cosmos(_: str, parts: SplitResult) -> Name:
    levels = [level for level in _levels(parts) if level not in ("dbs", "colls")]
    if len(levels) != 2:  # noqa: PLR2004  (database and table)
        raise Unnamed("a database and a table are needed: azurecosmos://HOST/dbs/DB/colls/TABLE")
    from openlineage.client.naming.dataset import AzureCosmosDB

    return _of(AzureCosmosDB(parts.hostname or "", *levels))


def _kusto(_: str, parts: SplitResult) -> Name:
    cluster = (parts.hostname or "").removesuffix(".kusto.windows.net")
    from openlineage.client.naming.dataset import AzureDataExplorer

    return _of(AzureDataExplorer(cluster, *_levels(parts, of=2)))


def _pubsub(_: str, parts: SplitResult) -> Name:
    (topic,) = _levels(parts, of=1)
    from openlineage.client.naming.dataset import PubSubNaming, PubSubResourceType

    return _of(PubSubNaming(PubSubResourceType.TOPIC, parts.netloc.rpartition("@")[2], topic))


_BY_SCHEME: Mapping[str, Callable[[str, SplitResult], Name]] = {
    "file": _file,
    "hdfs": _rooted_path,
    "webhdfs": _rooted_path,
    "dbfs": _rooted_path,
    "abfss": _azure,
    "wasbs": _azure,
    "snowflake": _snowflake,
    "bigquery": _bigquery,
    "redshift": _redshift,
    "awsathena": _athena,
    "glue": _glue,
    "azurecosmos": _cosmos,
    "azurekusto": _kusto,
    "pubsub": _pubsub,
}
