//! The composition root: turns the configuration into a running [`App`]. The only place where an
//! engine is chosen.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use app::{App, Parts, SystemEntropy};
use engines::{
    Blobs, Bus, Cache, Mailer, MemoryBus, MemoryCache, MemoryMeter, Meter, OutboxMailer, RedisBus,
    RedisCache, RedisMeter, S3Config, SmtpMailer,
};
use graphql::TrustedDocuments;
use identity::StoredGrants;
use kernel::{Clock, Entropy, SystemClock};
use store::{Db, Options, migration};

use crate::{
    adapters::{self, Adapters, Makings},
    config::{Config, SchemaReaders},
    keys,
};

/// The prefix of our channels in Redis.
const BUS_PREFIX: &str = "waddlebot";
/// The prefix of our keys in Redis.
const ENGINE_PREFIX: &str = "waddlebot:";
/// Callers whose allowances are counted in this process at a time (about 200 bytes each).
const METERED_MAX: u64 = 100_000;

/// Makes the data directory, for this user only.
pub(crate) fn make_data_dir(place: &Path) -> anyhow::Result<()> {
    let mut maker = std::fs::DirBuilder::new();
    maker.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
    maker
        .create(place)
        .with_context(|| format!("making the data directory `{}`", place.display()))
}

/// How the database is opened.
pub(crate) fn database_options(config: &Config) -> Options {
    Options {
        url: config.database_url(),
        max_connections: config.database.max_connections,
        acquire_timeout: Duration::from_secs(config.database.acquire_timeout_secs),
        durable: true,
    }
}

/// Opens the database without migrating it.
pub(crate) async fn open_database(config: &Config) -> anyhow::Result<Db> {
    make_data_dir(&config.data_dir)?;
    Db::open(&database_options(config))
        .await
        .context("opening the database")
}

/// Opens everything, brings the schema up to date, and wires the services.
pub(crate) async fn app(config: &Config) -> anyhow::Result<(Arc<App>, Adapters)> {
    let db = open_database(config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let report = migration::run(&db, clock.now())
        .await
        .context("bringing the database up to date")?;
    if !report.applied.is_empty() {
        tracing::info!(
            n_steps = report.applied.len(),
            "brought the database up to date"
        );
    }
    let (mailer, outbox) = mailer(config, &clock)?;
    let keys = keys::ring(config, &db).await?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let grants = StoredGrants::new(
        db.clone(),
        keys.clone(),
        Arc::clone(&clock),
        Arc::clone(&entropy),
    );
    let makings = Makings {
        mailer: Arc::clone(&mailer),
        grants: Arc::new(grants),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    };
    let adapters = Adapters::new(config, &makings)?;
    let app = App::new(Parts {
        db,
        bus: bus(config).await?,
        cache: cache(config, &clock)?,
        meter: meter(config)?,
        blobs: blobs(config)?,
        mailer,
        outbox,
        clock,
        entropy,
        keys,
        connectors: adapters.connectors.clone(),
        providers: adapters.providers.clone(),
        open_registration: config.sign_in.open_registration,
        public_url: config.public_url(),
        activity: activity::Settings {
            overview_ttl: Duration::from_secs(config.activity.overview_ttl_secs),
            overviews_max: config.activity.overviews_max,
            live_poll: Duration::from_millis(config.activity.live_poll_ms),
        },
        couriers: adapters.couriers.clone(),
        deliveries: delivery::Settings::default(),
        hooks: adapters::hooks(config)?,
        webhooks: webhook::Settings::default(),
        tracker: adapters::tracker(config)?,
        commands: commands::specs().collect(),
    });
    Ok((app, adapters))
}

/// The bounds of the ingest pipeline.
pub(crate) fn ingest_settings(config: &Config) -> ingest::Settings {
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    ingest::Settings {
        queue_max: size(config.ingest.queue_max),
        batch_max: size(config.ingest.batch_max),
        import_patience: Duration::from_secs(config.ingest.import_patience_secs),
    }
}

/// What the REST face is told.
pub(crate) fn rest_settings(config: &Config) -> rest::Settings {
    let section = &config.rest;
    rest::Settings {
        secure_cookies: config.public_url().starts_with("https://"),
        trusted_proxies: config.server.trusted_proxies.clone(),
        origins: if config.server.public_url.is_empty() {
            Vec::new()
        } else {
            vec![config.public_url()]
        },
        per_minute: section.requests_per_minute,
        per_minute_anonymous: section.requests_per_minute_anonymous,
    }
}

/// The bounds of the GraphQL face, and the documents it trusts.
pub(crate) fn graphql_settings(config: &Config) -> anyhow::Result<graphql::Settings> {
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let section = &config.graphql;
    let limits = graphql::Limits {
        body_bytes: size(section.body_bytes_max),
        document_bytes: size(section.document_bytes_max),
        tokens: size(section.tokens_max),
        depth: size(section.depth_max),
        fields: size(section.fields_max),
        aliases: size(section.aliases_max),
        directives: size(section.directives_max),
        cost: section.cost_max,
        per_minute: section.cost_per_minute,
        per_minute_anonymous: section.cost_per_minute_anonymous,
        documents_bytes: section.documents_bytes_max,
        values: size(section.values_max),
        deadline: Duration::from_secs(section.deadline_secs),
        slow: Duration::from_millis(section.slow_ms),
        ..graphql::Limits::default()
    };
    let path = &section.trusted_documents;
    let trusted_documents = if path.as_os_str().is_empty() {
        None
    } else {
        let trusted = TrustedDocuments::read(path, &limits);
        Some(trusted.context("reading `graphql.trusted_documents`")?)
    };
    Ok(graphql::Settings {
        schema_readers: match section.schema_readers {
            SchemaReaders::Everyone => graphql::Readers::Everyone,
            SchemaReaders::SignedIn => graphql::Readers::SignedIn,
            SchemaReaders::Nobody => graphql::Readers::Nobody,
        },
        origins: if config.server.public_url.is_empty() {
            Vec::new()
        } else {
            vec![config.public_url()]
        },
        trusted_proxies: config.server.trusted_proxies.clone(),
        trusted_documents,
        limits,
        ..graphql::Settings::default()
    })
}

pub(crate) async fn bus(config: &Config) -> anyhow::Result<Arc<dyn Bus>> {
    if config.redis.url.expose().is_empty() {
        return Ok(Arc::new(MemoryBus::new()));
    }
    let bus = RedisBus::open(&config.redis.url, BUS_PREFIX)
        .await
        .context("opening `redis.url`")?;
    Ok(Arc::new(bus))
}

fn cache(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<dyn Cache>> {
    if config.redis.url.expose().is_empty() {
        let room = config.graphql.answers_bytes_max;
        return Ok(Arc::new(MemoryCache::new(room, Arc::clone(clock))));
    }
    let cache =
        RedisCache::open(&config.redis.url, ENGINE_PREFIX).context("opening `redis.url`")?;
    Ok(Arc::new(cache))
}

fn meter(config: &Config) -> anyhow::Result<Arc<dyn Meter>> {
    if config.redis.url.expose().is_empty() {
        return Ok(Arc::new(MemoryMeter::new(METERED_MAX)));
    }
    let meter =
        RedisMeter::open(&config.redis.url, ENGINE_PREFIX).context("opening `redis.url`")?;
    Ok(Arc::new(meter))
}

pub(crate) fn blobs(config: &Config) -> anyhow::Result<Blobs> {
    let section = &config.blobs;
    if section.url.is_empty() {
        return Blobs::in_directory(&config.data_dir.join("blobs"))
            .context("opening the directory for files");
    }
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    if section.key_id.is_empty() != section.secret.expose().is_empty() {
        bail!("`blobs.key_id` and `blobs.secret` belong together: give both or neither");
    }
    let s3 = S3Config {
        endpoint: given(&section.endpoint),
        region: given(&section.region),
        key_id: given(&section.key_id),
        secret: (!section.secret.expose().is_empty()).then(|| section.secret.clone()),
        plain_http: section.plain_http,
    };
    Blobs::open(&section.url, &s3).context("opening `blobs.url`")
}

pub(crate) fn mailer(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<(Arc<dyn Mailer>, Option<OutboxMailer>)> {
    let section = &config.mail;
    if section.url.expose().is_empty() {
        let place = config.data_dir.join("outbox");
        let outbox = OutboxMailer::open(&place, &section.from, Arc::clone(clock))
            .context("opening the outbox directory")?;
        return Ok((Arc::new(outbox.clone()), Some(outbox)));
    }
    let smtp = SmtpMailer::open(&section.url, &section.from, Arc::clone(clock))
        .context("opening `mail.url`")?;
    Ok((Arc::new(smtp), None))
}
