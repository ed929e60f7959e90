"""What the webhooks of operators refuse, and what they take and then do not do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kickstart.checks.findings import ERROR, WARNING
from kickstart.checks.manifest import items, mapping, mappings, text, walk
from kickstart.checks.rules.objects import RUNTIMES, Objects
from kickstart.checks.rules.rule import Fault, rule

_CNPG = "postgresql.cnpg.io"

# Parameters that CloudNativePG sets itself, and whose change its webhook refuses: those of its
# pkg/postgres/configuration.go that no release so far has let go.
_FIXED = frozenset(
    {
        *("allow_system_table_mods", "archive_cleanup_command", "archive_command", "archive_mode", "bonjour"),
        *("bonjour_name", "cluster_name", "config_file", "data_directory", "data_sync_retry", "event_source"),
        *("external_pid_file", "hba_file", "hot_standby", "ident_file", "jit_provider", "listen_addresses"),
        *("log_destination", "log_directory", "log_file_mode", "log_filename", "log_rotation_age"),
        *("log_rotation_size", "log_truncate_on_rotation", "logging_collector", "port", "primary_conninfo"),
        *("primary_slot_name", "promote_trigger_file", "recovery_end_command", "recovery_target"),
        *(
            "recovery_target_action",
            "recovery_target_inclusive",
            "recovery_target_lsn",
            "recovery_target_name",
        ),
        *("recovery_target_time", "recovery_target_timeline", "recovery_target_xid", "restart_after_crash"),
        *(
            "restore_command",
            "shared_preload_libraries",
            "ssl",
            "ssl_ca_file",
            "ssl_cert_file",
            "ssl_crl_file",
        ),
        *("ssl_dh_params_file", "ssl_key_file", "ssl_passphrase_command", "stats_temp_directory"),
        *("ssl_passphrase_command_supports_reload", "synchronous_standby_names", "syslog_facility"),
        *("syslog_ident", "syslog_sequence_numbers", "syslog_split_messages", "unix_socket_directories"),
        *("unix_socket_group", "unix_socket_permissions"),
    }
)
# Formats that runtimes which come with KServe take without being named; compared letter by letter.
_FORMATS = frozenset(
    {
        "huggingface",
        "vLLM",
        "sklearn",
        "xgboost",
        "lightgbm",
        "pmml",
        "tensorflow",
        "pytorch",
        "onnx",
        "triton",
        "paddle",
        "mlflow",
        "tensorrt",
        "predictiveserver",
    }
)


@rule(
    "postgres/fixed-parameter",
    ERROR,
    "parameters that CloudNativePG sets itself",
    reason='Its webhook refuses the Cluster: "can\'t set fixed configuration parameter".',
    fix=(
        "Remove the parameter. Libraries to preload are the list spec.postgresql.shared_preload_libraries; "
        "pgvector needs none, but a Database with extensions: [{name: vector}]."
    ),
)
def fixed_parameter(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("Cluster", group=_CNPG):
        for name in mapping(mapping(each.spec.get("postgresql")).get("parameters")):
            if name in _FIXED:
                yield Fault(
                    each, ("spec", "postgresql", "parameters", name), f"CloudNativePG sets {name} itself"
                )


@rule(
    "postgres/image",
    WARNING,
    "PostgreSQL clusters without an image of their own",
    reason="The operator's default changes with the operator, and with it the version of PostgreSQL.",
    fix="Set spec.imageName to a version or digest, or spec.imageCatalogRef.",
)
def postgres_image(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("Cluster", group=_CNPG):
        if not each.spec.get("imageName") and not each.spec.get("imageCatalogRef"):
            yield Fault(each, ("spec",), "leaves the image to the operator")


@rule(
    "postgres/cluster",
    ERROR,
    "databases, poolers and backups of a cluster that does not exist",
    reason="Nothing happens, and nothing says so.",
    fix="Name a Cluster of this chart in spec.cluster.name.",
)
def postgres_cluster(objects: Objects) -> Iterator[Fault]:
    known = objects.names("Cluster", group=_CNPG)
    for each in objects.of("Database", "Pooler", "ScheduledBackup", "Backup", "DatabaseRole", group=_CNPG):
        name = text(mapping(each.spec.get("cluster")).get("name"))
        if name not in known:
            yield Fault(each, ("spec", "cluster"), f"there is no Cluster {name}")
    stores = objects.names("ObjectStore")
    for each in objects.of("Cluster", group=_CNPG):
        for index, plugin in enumerate(mappings(each.spec.get("plugins"))):
            store = text(mapping(plugin.get("parameters")).get("barmanObjectName"))
            if store and store not in stores:
                yield Fault(each, ("spec", "plugins", index), f"there is no ObjectStore {store}")


@rule(
    "postgres/schedule",
    ERROR,
    "backup schedules that do not have six fields",
    reason="CloudNativePG's schedules start with seconds: five fields mean another time, or none.",
    fix='Write seconds first: "0 0 2 * * *" is two o\'clock every night.',
)
def schedule(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("ScheduledBackup", group=_CNPG):
        cron = str(each.spec.get("schedule", ""))
        if not cron.startswith("@") and len(cron.split()) != 6:
            yield Fault(each, ("spec", "schedule"), f"'{cron}' has {len(cron.split())} fields")


@rule(
    "postgres/in-tree-backup",
    ERROR,
    "backups by what CloudNativePG has deprecated",
    reason="spec.backup.barmanObjectStore goes away with CloudNativePG 1.31.",
    fix="Use the barman-cloud plugin: ObjectStore, spec.plugins, and ScheduledBackup with method: plugin.",
)
def in_tree_backup(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("Cluster", group=_CNPG):
        if "barmanObjectStore" in mapping(each.spec.get("backup")):
            yield Fault(each, ("spec", "backup", "barmanObjectStore"), "uses barmanObjectStore")


@rule(
    "kserve/runtime",
    ERROR,
    "models that no serving runtime takes",
    reason="Formats are compared letter by letter: 'vllm' is not 'vLLM', and KServe waits for ever.",
    fix="Name a ServingRuntime of this chart in spec.predictor.model.runtime.",
)
def runtime(objects: Objects) -> Iterator[Fault]:
    known = objects.names("ServingRuntime", "ClusterServingRuntime")
    for each in objects.of("InferenceService"):
        model = mapping(mapping(each.spec.get("predictor")).get("model"))
        if not model:
            continue
        name = text(model.get("runtime"))
        form = str(mapping(model.get("modelFormat")).get("name", ""))
        where = ("spec", "predictor", "model")
        if name and name not in known and not name.startswith("kserve-"):
            yield Fault(each, (*where, "runtime"), f"there is no ServingRuntime {name}")
        elif not name and form not in _FORMATS | _formats(objects):
            yield Fault(each, (*where, "modelFormat", "name"), f"no runtime takes the format '{form}'")


def _formats(objects: Objects) -> set[str]:
    """Return the formats that runtimes here take without being named."""
    return {
        str(item.get("name"))
        for each in (*objects.of(*RUNTIMES), *objects.others(*RUNTIMES))
        for item in mappings(each.spec.get("supportedModelFormats"))
        if item.get("autoSelect")
    }


@rule(
    "kserve/storage",
    ERROR,
    "models with more than one source, or with none of the rights to read it",
    reason="KServe refuses several sources; keys for S3 come only by the predictor's service account.",
    fix="Give one of storageUri and storage; for s3:// also spec.predictor.serviceAccountName.",
)
def storage(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("InferenceService"):
        predictor = mapping(each.spec.get("predictor"))
        model = mapping(predictor.get("model"))
        sources = [key for key in ("storageUri", "storage", "storageUris") if model.get(key)]
        if len(sources) > 1:
            yield Fault(each, ("spec", "predictor", "model"), f"has {' and '.join(sources)}")
        if str(model.get("storageUri", "")).startswith("s3://") and not predictor.get("serviceAccountName"):
            yield Fault(
                each, ("spec", "predictor"), "reads s3:// without a service account that has the keys"
            )


@rule(
    "kserve/rollout",
    WARNING,
    "GPU models whose rollout needs a spare GPU",
    reason="By default the new pod must run before the old one goes: without a spare GPU both wait for ever.",
    fix="Set spec.predictor.deploymentStrategy with maxSurge: 0 and maxUnavailable: 1.",
)
def rollout(objects: Objects) -> Iterator[Fault]:
    for each in objects.of("InferenceService"):
        predictor = mapping(each.spec.get("predictor"))
        resources = mapping(mapping(predictor.get("model")).get("resources"))
        limits = {**mapping(resources.get("requests")), **mapping(resources.get("limits"))}
        gpu = any("gpu" in name for name in limits)
        if gpu and "deploymentStrategy" not in predictor:
            yield Fault(each, ("spec", "predictor"), "has no deploymentStrategy")


@rule(
    "keda/query",
    ERROR,
    "queries of an autoscaler that return more than one series",
    reason="KEDA gives up at the second series, which comes with the second replica.",
    fix="Add the series up: sum(...).",
)
def query(objects: Objects) -> Iterator[Fault]:
    one = re.compile(r"^\s*\(*\s*(sum|max|min|avg|count|scalar|quantile|histogram_quantile|absent|vector)\b")
    for each in objects.of("ScaledObject", "InferenceService", "LLMInferenceService"):
        for path, value in walk(each.spec, ("spec",)):
            if path[-1] == "query" and isinstance(value, str) and not one.match(value):
                yield Fault(each, path, f"'{value[:80]}' returns a series for each pod")


@rule(
    "minio/start",
    ERROR,
    "MinIO servers that do not start, or forget what they were given",
    reason="Half a pair of credentials is fatal; it needs 'server' to serve, and a volume to keep data.",
    fix="Set MINIO_ROOT_USER and MINIO_ROOT_PASSWORD, args: [server, /data], and mount a claim at /data.",
)
def minio(objects: Objects) -> Iterator[Fault]:
    pairs = (("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"), ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"))
    for pod in objects.own_pods:
        if pod.owner.kind in {"Job", "CronJob", "Pod"}:
            continue  # a client
        for path, container in pod.containers:
            if not re.search(r"(^|/)minio(/minio)?([:@]|$)", str(container.get("image", ""))):
                continue
            names = {str(each.get("name")) for each in mappings(container.get("env"))}
            for pair in pairs:
                if len(names & set(pair)) == 1:
                    (there,) = names & set(pair)
                    (missing,) = set(pair) - {there}
                    yield Fault(pod.owner, (*path, "env"), f"{there} is set without {missing}")
            words = [*items(container.get("command")), *items(container.get("args"))]
            if not any("server" in str(word) for word in words):
                yield Fault(pod.owner, path, "is not started as a server")
            if not container.get("volumeMounts"):
                yield Fault(pod.owner, path, "has no volume")
