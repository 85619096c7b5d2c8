-- What all migrations together make; written by docs/build/schema.py.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE job (
	tenant TEXT NOT NULL, 
	id TEXT NOT NULL, 
	state TEXT NOT NULL, 
	pipeline TEXT NOT NULL, 
	source TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	outputs TEXT, 
	skipped TEXT, 
	progress INTEGER NOT NULL, 
	priority INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	crashes INTEGER NOT NULL, 
	losses INTEGER NOT NULL, 
	owner TEXT, 
	lease_until FLOAT, 
	error TEXT, 
	metadata TEXT, 
	webhook_url TEXT, 
	queued_at FLOAT, 
	started_at FLOAT, 
	finished_at FLOAT, 
	expires_at FLOAT, 
	sequence INTEGER NOT NULL, not_before FLOAT, scheduled_at FLOAT, deadline_seconds FLOAT, hold INTEGER DEFAULT '0' NOT NULL, template TEXT, batch_id TEXT, faults INTEGER DEFAULT '0' NOT NULL, remote TEXT, target TEXT, cost FLOAT, manifest TEXT, keep TEXT, sweep_at FLOAT, gone TEXT, pixels INTEGER, charged_on TEXT, spent FLOAT, replay_of TEXT, referred_bytes INTEGER, 
	PRIMARY KEY (tenant, id)
);
CREATE TABLE lane (
	priority INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	oldest FLOAT, jobs INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (priority, tenant)
)
 WITHOUT ROWID

;
CREATE TABLE event (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	tenant TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	attempt INTEGER NOT NULL, 
	progress INTEGER NOT NULL
, output TEXT);
CREATE TABLE idempotency (
	tenant TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	created_at FLOAT NOT NULL, answer TEXT, 
	PRIMARY KEY (tenant, "key")
);
CREATE TABLE asset (
	tenant TEXT NOT NULL, 
	id TEXT NOT NULL, 
	storage_key TEXT NOT NULL, 
	format TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	bytes INTEGER NOT NULL, 
	sha256 TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	PRIMARY KEY (tenant, id)
);
CREATE TABLE step_cache (
	tenant TEXT NOT NULL, 
	"key" BLOB NOT NULL, 
	job_id TEXT NOT NULL, 
	step TEXT NOT NULL, 
	PRIMARY KEY (tenant, "key", job_id)
)
 WITHOUT ROWID

;
CREATE TABLE job_metadata (
	tenant TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	PRIMARY KEY (tenant, "key", value, job_id)
)
 WITHOUT ROWID

;
CREATE TABLE tenant (
	tenant TEXT NOT NULL, 
	weight FLOAT DEFAULT '1' NOT NULL, 
	limits TEXT, 
	keep TEXT, 
	secrets TEXT, 
	stored_bytes INTEGER DEFAULT '0' NOT NULL, 
	queued_jobs INTEGER DEFAULT '0' NOT NULL, 
	queued_milliseconds INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (tenant)
);
CREATE TABLE usage (
	tenant TEXT NOT NULL, 
	day TEXT NOT NULL, 
	jobs INTEGER DEFAULT '0' NOT NULL, 
	bytes INTEGER DEFAULT '0' NOT NULL, 
	pixels INTEGER DEFAULT '0' NOT NULL, 
	cpu_seconds FLOAT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (tenant, day)
)
 WITHOUT ROWID

;
CREATE TABLE usage_of_operation (
	tenant TEXT NOT NULL, 
	day TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	jobs INTEGER NOT NULL, 
	cpu_seconds FLOAT NOT NULL, 
	PRIMARY KEY (tenant, day, operation)
)
 WITHOUT ROWID

;
CREATE TABLE software (
	digest TEXT NOT NULL, 
	facts TEXT NOT NULL, 
	PRIMARY KEY (digest)
);
CREATE TABLE audit (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	tenant TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	detail TEXT
);
CREATE TABLE template (
	tenant TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	pipeline TEXT NOT NULL, 
	description TEXT, 
	created_at FLOAT NOT NULL, 
	deleted_at FLOAT, 
	keep TEXT, 
	PRIMARY KEY (tenant, name, version)
);
CREATE TABLE template_alias (
	tenant TEXT NOT NULL, 
	name TEXT NOT NULL, 
	alias TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	history TEXT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	PRIMARY KEY (tenant, name, alias)
);
CREATE TABLE batch (
	tenant TEXT NOT NULL, 
	id TEXT NOT NULL, 
	draft TEXT NOT NULL, 
	total INTEGER NOT NULL, 
	refused INTEGER NOT NULL, 
	unfinished INTEGER NOT NULL, 
	max_in_flight INTEGER NOT NULL, 
	created_at FLOAT NOT NULL, 
	state TEXT NOT NULL, 
	in_flight INTEGER NOT NULL, 
	completed INTEGER NOT NULL, 
	failed INTEGER NOT NULL, 
	cancelled INTEGER NOT NULL, 
	quarantined INTEGER NOT NULL, 
	finished_at FLOAT, 
	fed_at FLOAT NOT NULL, 
	sequence INTEGER NOT NULL, 
	announced INTEGER NOT NULL, 
	PRIMARY KEY (tenant, id)
);
CREATE TABLE batch_item (
	tenant TEXT NOT NULL, 
	batch_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	state TEXT NOT NULL, 
	code TEXT, 
	error TEXT, 
	job_id TEXT, 
	PRIMARY KEY (tenant, batch_id, number)
)
 WITHOUT ROWID

;
CREATE TABLE bulk (
	tenant TEXT NOT NULL, 
	id TEXT NOT NULL, 
	action TEXT NOT NULL, 
	filter TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	total INTEGER NOT NULL, 
	created_at FLOAT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	changed INTEGER NOT NULL, 
	skipped INTEGER NOT NULL, 
	cursor TEXT, 
	finished_at FLOAT, 
	PRIMARY KEY (tenant, id)
);
CREATE TABLE endpoint (
	tenant TEXT NOT NULL, 
	id TEXT NOT NULL, 
	url TEXT NOT NULL, 
	events TEXT NOT NULL, 
	description TEXT, 
	secrets TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT, 
	failing_since FLOAT, 
	created_at FLOAT NOT NULL, 
	PRIMARY KEY (tenant, id)
);
CREATE TABLE message (
	tenant TEXT NOT NULL, 
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	job_id TEXT, 
	batch_id TEXT, 
	sequence INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	output TEXT, 
	snapshot TEXT NOT NULL, 
	PRIMARY KEY (tenant, id)
);
CREATE TABLE delivery (
	tenant TEXT NOT NULL, 
	id TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	endpoint_id TEXT, 
	job_id TEXT, 
	url TEXT NOT NULL, 
	lane TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	earlier INTEGER NOT NULL, 
	next_at FLOAT NOT NULL, 
	created_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	status INTEGER, 
	error TEXT, 
	owner TEXT, 
	PRIMARY KEY (tenant, id)
);
CREATE TABLE delivery_attempt (
	tenant TEXT NOT NULL, 
	delivery_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	status INTEGER, 
	error TEXT, 
	request TEXT, 
	answer TEXT, 
	PRIMARY KEY (tenant, delivery_id, number)
)
 WITHOUT ROWID

;
CREATE TABLE delivery_lane (
	tenant TEXT NOT NULL, 
	lane TEXT NOT NULL, 
	pending INTEGER NOT NULL, 
	next_at FLOAT NOT NULL, 
	PRIMARY KEY (tenant, lane)
)
 WITHOUT ROWID

;
CREATE INDEX job_of_state ON job (tenant, state, id);
CREATE INDEX job_in_flight ON job (tenant) WHERE state = 'processing';
CREATE INDEX job_lease ON job (lease_until) WHERE state = 'processing';
CREATE INDEX job_to_upload ON job (created_at) WHERE state = 'awaiting_upload';
CREATE INDEX event_of_tenant ON event (tenant, sequence);
CREATE INDEX event_of_job ON event (job_id, sequence);
CREATE INDEX event_of_deletion ON event (at) WHERE kind = 'job.deleted';
CREATE INDEX idempotency_of_job ON idempotency (tenant, job_id);
CREATE INDEX idempotency_age ON idempotency (created_at);
CREATE INDEX asset_of_tenant ON asset (tenant, created_at, id);
CREATE INDEX asset_of_key ON asset (tenant, storage_key);
CREATE INDEX step_of_job ON step_cache (tenant, job_id);
CREATE INDEX job_to_claim ON job (priority DESC, state, tenant, not_before, queued_at) WHERE state = 'queued' AND not_before IS NULL;
CREATE INDEX job_to_sweep ON job (sweep_at) WHERE sweep_at IS NOT NULL AND hold = 0 AND state IN ('completed', 'failed', 'cancelled', 'quarantined');
CREATE INDEX job_scheduled ON job (not_before) WHERE state = 'queued' AND not_before IS NOT NULL;
CREATE INDEX job_of_batch ON job (tenant, batch_id, id) WHERE batch_id IS NOT NULL;
CREATE INDEX job_of_template ON job (tenant, template, id) WHERE template IS NOT NULL;
CREATE INDEX job_of_template_name ON job (tenant, substr(template, 1, instr(template, '@') - 1), id) WHERE template IS NOT NULL;
CREATE INDEX metadata_of_job ON job_metadata (tenant, job_id);
CREATE INDEX tenant_with_limits ON tenant (tenant) WHERE limits IS NOT NULL;
CREATE INDEX audit_of_tenant ON audit (tenant, sequence);
CREATE INDEX audit_of_action ON audit (tenant, action, sequence);
CREATE INDEX audit_of_subject ON audit (tenant, subject, sequence);
CREATE INDEX audit_age ON audit (at, sequence);
CREATE INDEX batch_hungry ON batch (fed_at) WHERE state = 'running' AND unfinished > in_flight AND in_flight < max_in_flight;
CREATE INDEX batch_stopping ON batch (finished_at) WHERE state = 'cancelled' AND finished_at IS NULL;
CREATE INDEX batch_finished ON batch (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX batch_ended ON batch (finished_at) WHERE finished_at IS NOT NULL AND announced = 0;
CREATE INDEX item_of_state ON batch_item (tenant, batch_id, state, number);
CREATE INDEX item_of_job ON batch_item (tenant, batch_id, job_id) WHERE job_id IS NOT NULL;
CREATE INDEX bulk_running ON bulk (updated_at) WHERE finished_at IS NULL;
CREATE INDEX bulk_finished ON bulk (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX message_of_job ON message (tenant, job_id) WHERE job_id IS NOT NULL;
CREATE INDEX delivery_due ON delivery (tenant, lane, next_at) WHERE state = 'pending';
CREATE INDEX delivery_ended ON delivery (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX delivery_held ON delivery (owner) WHERE owner IS NOT NULL;
CREATE INDEX delivery_of_message ON delivery (tenant, message_id);
CREATE INDEX delivery_of_endpoint ON delivery (tenant, endpoint_id, id);
CREATE INDEX delivery_of_job ON delivery (tenant, job_id, id);
CREATE INDEX delivery_of_state ON delivery (tenant, state, id);
CREATE INDEX delivery_lane_due ON delivery_lane (next_at);
CREATE TRIGGER lane_new AFTER INSERT ON job WHEN NEW.state = 'queued' AND NEW.not_before IS NULL BEGIN 
INSERT INTO lane (priority, tenant, oldest, jobs) VALUES (NEW.priority, NEW.tenant, NEW.queued_at, 1)
ON CONFLICT (priority, tenant) DO UPDATE
SET oldest = min(lane.oldest, excluded.oldest), jobs = lane.jobs + 1;
 END;
CREATE TRIGGER lane_in AFTER UPDATE OF state, not_before ON job WHEN NEW.state = 'queued' AND NEW.not_before IS NULL AND NOT (OLD.state = 'queued' AND OLD.not_before IS NULL) BEGIN 
INSERT INTO lane (priority, tenant, oldest, jobs) VALUES (NEW.priority, NEW.tenant, NEW.queued_at, 1)
ON CONFLICT (priority, tenant) DO UPDATE
SET oldest = min(lane.oldest, excluded.oldest), jobs = lane.jobs + 1;
 END;
CREATE TRIGGER lane_out AFTER UPDATE OF state, not_before ON job WHEN OLD.state = 'queued' AND OLD.not_before IS NULL AND NOT (NEW.state = 'queued' AND NEW.not_before IS NULL) BEGIN 
UPDATE lane SET jobs = jobs - 1, oldest = CASE WHEN oldest < OLD.queued_at THEN oldest ELSE (
    SELECT queued_at FROM job
    WHERE state = 'queued' AND not_before IS NULL AND priority = OLD.priority AND tenant = OLD.tenant
    ORDER BY queued_at LIMIT 1) END
WHERE priority = OLD.priority AND tenant = OLD.tenant;
DELETE FROM lane WHERE priority = OLD.priority AND tenant = OLD.tenant AND jobs <= 0;
 END;
CREATE TRIGGER lane_gone AFTER DELETE ON job WHEN OLD.state = 'queued' AND OLD.not_before IS NULL BEGIN 
UPDATE lane SET jobs = jobs - 1, oldest = CASE WHEN oldest < OLD.queued_at THEN oldest ELSE (
    SELECT queued_at FROM job
    WHERE state = 'queued' AND not_before IS NULL AND priority = OLD.priority AND tenant = OLD.tenant
    ORDER BY queued_at LIMIT 1) END
WHERE priority = OLD.priority AND tenant = OLD.tenant;
DELETE FROM lane WHERE priority = OLD.priority AND tenant = OLD.tenant AND jobs <= 0;
 END;
CREATE TRIGGER held_new AFTER INSERT ON job BEGIN
INSERT INTO tenant (tenant, stored_bytes, queued_jobs, queued_milliseconds)
VALUES (NEW.tenant, 
    CASE WHEN json_extract(NEW.source, '$.key') IS NULL THEN 0
         ELSE coalesce(json_extract(NEW.source, '$.bytes'), 0) END
    + CASE WHEN NEW.outputs IS NULL THEN 0 ELSE (
        SELECT coalesce(sum(json_extract(value, '$.bytes') * (json_extract(value, '$.key') <> '')), 0)
        FROM json_each(NEW.outputs)) END
, (NEW.state = 'queued'), (NEW.state = 'queued') * CAST(round(1000 * coalesce(NEW.cost, 0)) AS INTEGER))
ON CONFLICT (tenant) DO UPDATE SET
    stored_bytes = stored_bytes + excluded.stored_bytes, queued_jobs = queued_jobs + excluded.queued_jobs,
    queued_milliseconds = queued_milliseconds + excluded.queued_milliseconds;
END;
CREATE TRIGGER held_moved AFTER UPDATE OF state, cost ON job WHEN NEW.state <> OLD.state AND 'queued' IN (NEW.state, OLD.state) OR NEW.cost IS NOT OLD.cost BEGIN 
UPDATE tenant SET queued_jobs = queued_jobs + ((NEW.state = 'queued')) - ((OLD.state = 'queued')),
    queued_milliseconds = queued_milliseconds + ((NEW.state = 'queued') * CAST(round(1000 * coalesce(NEW.cost, 0)) AS INTEGER)) - ((OLD.state = 'queued') * CAST(round(1000 * coalesce(OLD.cost, 0)) AS INTEGER))
WHERE tenant = NEW.tenant;
 END;
CREATE TRIGGER held_stored AFTER UPDATE OF source, outputs ON job WHEN NEW.source <> OLD.source OR NEW.outputs IS NOT OLD.outputs BEGIN 
UPDATE tenant SET stored_bytes = stored_bytes + (
    CASE WHEN json_extract(NEW.source, '$.key') IS NULL THEN 0
         ELSE coalesce(json_extract(NEW.source, '$.bytes'), 0) END
    + CASE WHEN NEW.outputs IS NULL THEN 0 ELSE (
        SELECT coalesce(sum(json_extract(value, '$.bytes') * (json_extract(value, '$.key') <> '')), 0)
        FROM json_each(NEW.outputs)) END
) - (
    CASE WHEN json_extract(OLD.source, '$.key') IS NULL THEN 0
         ELSE coalesce(json_extract(OLD.source, '$.bytes'), 0) END
    + CASE WHEN OLD.outputs IS NULL THEN 0 ELSE (
        SELECT coalesce(sum(json_extract(value, '$.bytes') * (json_extract(value, '$.key') <> '')), 0)
        FROM json_each(OLD.outputs)) END
) WHERE tenant = NEW.tenant;
 END;
CREATE TRIGGER held_gone AFTER DELETE ON job BEGIN
INSERT INTO tenant (tenant, stored_bytes, queued_jobs, queued_milliseconds)
VALUES (OLD.tenant, -(
    CASE WHEN json_extract(OLD.source, '$.key') IS NULL THEN 0
         ELSE coalesce(json_extract(OLD.source, '$.bytes'), 0) END
    + CASE WHEN OLD.outputs IS NULL THEN 0 ELSE (
        SELECT coalesce(sum(json_extract(value, '$.bytes') * (json_extract(value, '$.key') <> '')), 0)
        FROM json_each(OLD.outputs)) END
), -(OLD.state = 'queued'), -(OLD.state = 'queued') * CAST(round(1000 * coalesce(OLD.cost, 0)) AS INTEGER))
ON CONFLICT (tenant) DO UPDATE SET
    stored_bytes = stored_bytes + excluded.stored_bytes, queued_jobs = queued_jobs + excluded.queued_jobs,
    queued_milliseconds = queued_milliseconds + excluded.queued_milliseconds;
END;
CREATE TRIGGER held_asset AFTER INSERT ON asset BEGIN
INSERT INTO tenant (tenant, stored_bytes, queued_jobs, queued_milliseconds)
VALUES (NEW.tenant, NEW.bytes, 0, 0)
ON CONFLICT (tenant) DO UPDATE SET
    stored_bytes = stored_bytes + excluded.stored_bytes, queued_jobs = queued_jobs + excluded.queued_jobs,
    queued_milliseconds = queued_milliseconds + excluded.queued_milliseconds;
END;
CREATE TRIGGER held_asset_gone AFTER DELETE ON asset BEGIN
INSERT INTO tenant (tenant, stored_bytes, queued_jobs, queued_milliseconds)
VALUES (OLD.tenant, -OLD.bytes, 0, 0)
ON CONFLICT (tenant) DO UPDATE SET
    stored_bytes = stored_bytes + excluded.stored_bytes, queued_jobs = queued_jobs + excluded.queued_jobs,
    queued_milliseconds = queued_milliseconds + excluded.queued_milliseconds;
END;
CREATE TRIGGER used_new AFTER INSERT ON job WHEN NEW.charged_on IS NOT NULL BEGIN 
INSERT INTO usage (tenant, day, jobs, bytes, pixels, cpu_seconds)
VALUES (NEW.tenant, NEW.charged_on, 1, coalesce(json_extract(NEW.source, '$.bytes'), 0),
    coalesce(NEW.pixels, 0), coalesce(NEW.cost, 0))
ON CONFLICT (tenant, day) DO UPDATE SET
    jobs = jobs + 1, bytes = bytes + excluded.bytes, pixels = pixels + excluded.pixels,
    cpu_seconds = cpu_seconds + excluded.cpu_seconds;
 END;
CREATE TRIGGER used_again AFTER UPDATE OF charged_on ON job BEGIN 
INSERT INTO usage (tenant, day, jobs, bytes, pixels, cpu_seconds)
VALUES (NEW.tenant, NEW.charged_on, 1, coalesce(json_extract(NEW.source, '$.bytes'), 0),
    coalesce(NEW.pixels, 0), coalesce(NEW.cost, 0))
ON CONFLICT (tenant, day) DO UPDATE SET
    jobs = jobs + 1, bytes = bytes + excluded.bytes, pixels = pixels + excluded.pixels,
    cpu_seconds = cpu_seconds + excluded.cpu_seconds;
 END;
CREATE TRIGGER used_otherwise AFTER UPDATE OF source, spent, pixels, cost, finished_at ON job WHEN OLD.charged_on IS NOT NULL AND OLD.state <> 'completed' AND OLD.state <> 'failed' AND OLD.state <> 'cancelled' AND OLD.state <> 'quarantined' BEGIN 
UPDATE usage SET
    jobs = jobs - NOT (NEW.started_at IS NOT NULL OR NEW.state <> 'completed' AND NEW.state <> 'failed' AND NEW.state <> 'cancelled' AND NEW.state <> 'quarantined'),
    bytes = bytes + (NEW.started_at IS NOT NULL OR NEW.state <> 'completed' AND NEW.state <> 'failed' AND NEW.state <> 'cancelled' AND NEW.state <> 'quarantined') * coalesce(json_extract(NEW.source, '$.bytes'), 0)
                  - coalesce(json_extract(OLD.source, '$.bytes'), 0),
    pixels = pixels + (NEW.started_at IS NOT NULL OR NEW.state <> 'completed' AND NEW.state <> 'failed' AND NEW.state <> 'cancelled' AND NEW.state <> 'quarantined') * coalesce(NEW.pixels, 0) - coalesce(OLD.pixels, 0),
    cpu_seconds = cpu_seconds + (NEW.started_at IS NOT NULL OR NEW.state <> 'completed' AND NEW.state <> 'failed' AND NEW.state <> 'cancelled' AND NEW.state <> 'quarantined') * coalesce(NEW.spent, NEW.cost, 0) - coalesce(OLD.cost, 0)
WHERE tenant = OLD.tenant AND day = OLD.charged_on;
 END;
CREATE TRIGGER used_gone AFTER DELETE ON job WHEN OLD.started_at IS NULL AND OLD.state <> 'completed' AND OLD.state <> 'failed' AND OLD.state <> 'cancelled' AND OLD.state <> 'quarantined' BEGIN 
UPDATE usage SET
    jobs = jobs - 1, bytes = bytes - coalesce(json_extract(OLD.source, '$.bytes'), 0),
    pixels = pixels - coalesce(OLD.pixels, 0), cpu_seconds = cpu_seconds - coalesce(OLD.cost, 0)
WHERE tenant = OLD.tenant AND day = OLD.charged_on;
 END;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER delivery_new AFTER INSERT ON delivery WHEN NEW.state = 'pending' BEGIN 
INSERT INTO delivery_lane (tenant, lane, pending, next_at) VALUES (NEW.tenant, NEW.lane, 1, NEW.next_at)
ON CONFLICT (tenant, lane) DO UPDATE
SET pending = pending + 1, next_at = min(delivery_lane.next_at, excluded.next_at);
 END;
CREATE TRIGGER delivery_in AFTER UPDATE OF state, next_at ON delivery WHEN NEW.state = 'pending' AND NOT OLD.state = 'pending' BEGIN 
INSERT INTO delivery_lane (tenant, lane, pending, next_at) VALUES (NEW.tenant, NEW.lane, 1, NEW.next_at)
ON CONFLICT (tenant, lane) DO UPDATE
SET pending = pending + 1, next_at = min(delivery_lane.next_at, excluded.next_at);
 END;
CREATE TRIGGER delivery_on AFTER UPDATE OF state, next_at ON delivery WHEN NEW.state = 'pending' AND OLD.state = 'pending' BEGIN 
UPDATE delivery_lane SET  next_at = coalesce((
    SELECT next_at FROM delivery
    WHERE state = 'pending' AND tenant = OLD.tenant AND lane = OLD.lane ORDER BY next_at LIMIT 1), next_at)
WHERE tenant = OLD.tenant AND lane = OLD.lane;
 END;
CREATE TRIGGER delivery_out AFTER UPDATE OF state, next_at ON delivery WHEN OLD.state = 'pending' AND NOT NEW.state = 'pending' BEGIN 
UPDATE delivery_lane SET pending = pending - 1, next_at = coalesce((
    SELECT next_at FROM delivery
    WHERE state = 'pending' AND tenant = OLD.tenant AND lane = OLD.lane ORDER BY next_at LIMIT 1), next_at)
WHERE tenant = OLD.tenant AND lane = OLD.lane;

DELETE FROM delivery_lane WHERE tenant = OLD.tenant AND lane = OLD.lane AND pending <= 0;
 END;
CREATE TRIGGER delivery_gone AFTER DELETE ON delivery WHEN OLD.state = 'pending' BEGIN 
UPDATE delivery_lane SET pending = pending - 1, next_at = coalesce((
    SELECT next_at FROM delivery
    WHERE state = 'pending' AND tenant = OLD.tenant AND lane = OLD.lane ORDER BY next_at LIMIT 1), next_at)
WHERE tenant = OLD.tenant AND lane = OLD.lane;

DELETE FROM delivery_lane WHERE tenant = OLD.tenant AND lane = OLD.lane AND pending <= 0;
 END;
INSERT INTO alembic_version VALUES ('0004');
