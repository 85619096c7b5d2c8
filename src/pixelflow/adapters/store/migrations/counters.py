"""Triggers that keep a tenant's counters: whoever writes a job or an asset, they are those of the rows.

``tenant`` has what is there now: bytes stored, jobs queued, their predicted CPU time in milliseconds.
``usage`` has what was asked for, and once it ended what was done, by the day on which a job was charged.
"""

_TERMINAL = ("completed", "failed", "cancelled", "quarantined")
# Compared one by one: for each list SQLite would fill a table at every row.
_GOES_ON = " AND ".join(f"{{0}}.state <> '{state}'" for state in _TERMINAL)

_STORED = """
    CASE WHEN json_extract({0}.source, '$.key') IS NULL THEN 0
         ELSE coalesce(json_extract({0}.source, '$.bytes'), 0) END
    + CASE WHEN {0}.outputs IS NULL THEN 0 ELSE (
        SELECT coalesce(sum(json_extract(value, '$.bytes') * (json_extract(value, '$.key') <> '')), 0)
        FROM json_each({0}.outputs)) END
"""
_QUEUED = "({0}.state = 'queued')"
_MILLISECONDS = "({0}.state = 'queued') * CAST(round(1000 * coalesce({0}.cost, 0)) AS INTEGER)"
_NOW = """
INSERT INTO tenant (tenant, stored_bytes, queued_jobs, queued_milliseconds)
VALUES ({tenant}.tenant, {stored}, {jobs}, {milliseconds})
ON CONFLICT (tenant) DO UPDATE SET
    stored_bytes = stored_bytes + excluded.stored_bytes, queued_jobs = queued_jobs + excluded.queued_jobs,
    queued_milliseconds = queued_milliseconds + excluded.queued_milliseconds;
"""

_CHARGED = """
INSERT INTO usage (tenant, day, jobs, bytes, pixels, cpu_seconds)
VALUES (NEW.tenant, NEW.charged_on, 1, coalesce(json_extract(NEW.source, '$.bytes'), 0),
    coalesce(NEW.pixels, 0), coalesce(NEW.cost, 0))
ON CONFLICT (tenant, day) DO UPDATE SET
    jobs = jobs + 1, bytes = bytes + excluded.bytes, pixels = pixels + excluded.pixels,
    cpu_seconds = cpu_seconds + excluded.cpu_seconds;
"""
_COUNTS = f"(NEW.started_at IS NOT NULL OR {_GOES_ON.format('NEW')})"
"""What ended before any work was done counts for nothing."""
_SETTLED = f"""
UPDATE usage SET
    jobs = jobs - NOT {_COUNTS},
    bytes = bytes + {_COUNTS} * coalesce(json_extract(NEW.source, '$.bytes'), 0)
                  - coalesce(json_extract(OLD.source, '$.bytes'), 0),
    pixels = pixels + {_COUNTS} * coalesce(NEW.pixels, 0) - coalesce(OLD.pixels, 0),
    cpu_seconds = cpu_seconds + {_COUNTS} * coalesce(NEW.spent, NEW.cost, 0) - coalesce(OLD.cost, 0)
WHERE tenant = OLD.tenant AND day = OLD.charged_on;
"""  # noqa: S608 - the states above
_GIVEN_BACK = """
UPDATE usage SET
    jobs = jobs - 1, bytes = bytes - coalesce(json_extract(OLD.source, '$.bytes'), 0),
    pixels = pixels - coalesce(OLD.pixels, 0), cpu_seconds = cpu_seconds - coalesce(OLD.cost, 0)
WHERE tenant = OLD.tenant AND day = OLD.charged_on;
"""


def _of(row: str, template: str) -> str:
    return template.format(row)


def _change(template: str) -> str:
    return f"({template.format('NEW')}) - ({template.format('OLD')})"


# A job's tenant has a row since the job was made.
_MOVED = f"""
UPDATE tenant SET queued_jobs = queued_jobs + {_change(_QUEUED)},
    queued_milliseconds = queued_milliseconds + {_change(_MILLISECONDS)}
WHERE tenant = NEW.tenant;
"""  # noqa: S608 - the expressions above
_STORED_OTHERWISE = f"""
UPDATE tenant SET stored_bytes = stored_bytes + {_change(_STORED)} WHERE tenant = NEW.tenant;
"""  # noqa: S608 - the expressions above

TENANT_TRIGGERS = (
    "CREATE TRIGGER held_new AFTER INSERT ON job BEGIN"
    + _NOW.format(
        tenant="NEW",
        stored=_of("NEW", _STORED),
        jobs=_of("NEW", _QUEUED),
        milliseconds=_of("NEW", _MILLISECONDS),
    )
    + "END",
    (
        "CREATE TRIGGER held_moved AFTER UPDATE OF state, cost ON job"
        " WHEN NEW.state <> OLD.state AND 'queued' IN (NEW.state, OLD.state)"
        f" OR NEW.cost IS NOT OLD.cost BEGIN {_MOVED} END"
    ),
    (
        "CREATE TRIGGER held_stored AFTER UPDATE OF source, outputs ON job"
        f" WHEN NEW.source <> OLD.source OR NEW.outputs IS NOT OLD.outputs BEGIN {_STORED_OTHERWISE} END"
    ),
    "CREATE TRIGGER held_gone AFTER DELETE ON job BEGIN"
    + _NOW.format(
        tenant="OLD",
        stored=f"-({_of('OLD', _STORED)})",
        jobs=f"-{_of('OLD', _QUEUED)}",
        milliseconds=f"-{_of('OLD', _MILLISECONDS)}",
    )
    + "END",
    "CREATE TRIGGER held_asset AFTER INSERT ON asset BEGIN"
    + _NOW.format(tenant="NEW", stored="NEW.bytes", jobs=0, milliseconds=0)
    + "END",
    "CREATE TRIGGER held_asset_gone AFTER DELETE ON asset BEGIN"
    + _NOW.format(tenant="OLD", stored="-OLD.bytes", jobs=0, milliseconds=0)
    + "END",
    f"CREATE TRIGGER used_new AFTER INSERT ON job WHEN NEW.charged_on IS NOT NULL BEGIN {_CHARGED} END",
    # A retry is charged as another job; what the life before it took stays.
    f"CREATE TRIGGER used_again AFTER UPDATE OF charged_on ON job BEGIN {_CHARGED} END",
    (
        "CREATE TRIGGER used_otherwise AFTER UPDATE OF source, spent, pixels, cost, finished_at ON job"
        f" WHEN OLD.charged_on IS NOT NULL AND {_GOES_ON.format('OLD')} BEGIN {_SETTLED} END"
    ),
    (
        "CREATE TRIGGER used_gone AFTER DELETE ON job"
        f" WHEN OLD.started_at IS NULL AND {_GOES_ON.format('OLD')} BEGIN {_GIVEN_BACK} END"
    ),
)

COUNT_ALL = f"""
INSERT INTO tenant (tenant, stored_bytes, queued_jobs, queued_milliseconds)
SELECT tenant, sum(stored), sum(queued), 0 FROM (
    SELECT tenant, {_of("job", _STORED)} AS stored, {_of("job", _QUEUED)} AS queued FROM job
    UNION ALL SELECT tenant, bytes, 0 FROM asset)
GROUP BY tenant
"""  # noqa: S608 - the expressions above
"""What an older database holds already."""
