//! The one ordered history of the schema, the same steps on both engines, forward only. Runs at
//! start and by `waddlebot migrate`, under a lock, so that several processes may start at once.
//!
//! A change that a running older version cannot live with is made in three releases: expand,
//! migrate, contract. Adding a step: a new file here, one line in `STEPS`.

mod m0001_foundation;
mod m0002_delivery;
mod m0003_connections;
mod m0004_commands;
mod m0005_api_keys;
mod m0006_links;
mod m0007_second_factor;
mod m0008_reputation;
mod m0009_privacy;
mod m0010_merge;
mod m0011_email;
mod m0012_suggestions;
mod m0013_suspicions;
mod m0014_linked_roles;
mod m0015_passkey;
mod m0018_generation;
mod m0019_notices;
mod m0019b_weights;
mod m0019c_graves;
mod m0020_webhook;
mod m0022_repeat;
mod m0023_bot_lists;
mod m0024_bot_cases;
mod m0025_bot_models;
mod m0026_bot_scores;
mod m0027_active_days;
mod m0028_primary_link;
mod m0029_bot_training;
mod m0030_bot_rollout;
mod m0031_bot_reference;
mod m0032_bot_arrivals;
mod m0034_bot_state_width;
mod m0035_bot_score;
mod m0036_bot_tracked;
mod m0038_bot_correction_account;
mod m0039_bot_channel;
mod m0040_bot_training_trigger;
mod m0042_bot_arm_scored;
mod m0044_bot_link;
mod m0045_bot_case_drawn;
mod m0046_bot_case_viewer;
mod m0047_bot_turn;

use kernel::Timestamp;
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::{
    Db, Engine, Reach, StoreError, audit,
    schema::{Added, Dropped, Table},
    sql,
};

/// The tables each step creates. What a later step adds to a table of an earlier one stands in [`columns`]
/// and [`statements`], what it takes away in [`dropped`].
struct Step {
    name: &'static str,
    tables: fn() -> Vec<Table>,
}

const STEPS: &[Step] = &[
    Step {
        name: "m0001_foundation",
        tables: m0001_foundation::tables,
    },
    Step {
        name: "m0002_delivery",
        tables: m0002_delivery::tables,
    },
    Step {
        name: "m0003_connections",
        tables: m0003_connections::tables,
    },
    Step {
        name: "m0004_commands",
        tables: m0004_commands::tables,
    },
    Step {
        name: "m0005_api_keys",
        tables: m0005_api_keys::tables,
    },
    Step {
        name: "m0006_links",
        tables: m0006_links::tables,
    },
    Step {
        name: "m0007_second_factor",
        tables: m0007_second_factor::tables,
    },
    Step {
        name: "m0008_reputation",
        tables: m0008_reputation::tables,
    },
    Step {
        name: "m0009_privacy",
        tables: m0009_privacy::tables,
    },
    Step {
        name: "m0010_merge",
        tables: m0010_merge::tables,
    },
    Step {
        name: "m0011_email",
        tables: m0011_email::tables,
    },
    Step {
        name: "m0012_suggestions",
        tables: m0012_suggestions::tables,
    },
    Step {
        name: "m0013_suspicions",
        tables: m0013_suspicions::tables,
    },
    Step {
        name: "m0014_linked_roles",
        tables: m0014_linked_roles::tables,
    },
    Step {
        name: "m0015_passkey",
        tables: m0015_passkey::tables,
    },
    Step {
        name: "m0018_generation",
        tables: m0018_generation::tables,
    },
    Step {
        name: "m0019_notices",
        tables: m0019_notices::tables,
    },
    Step {
        name: "m0019b_weights",
        tables: m0019b_weights::tables,
    },
    Step {
        name: "m0019c_graves",
        tables: m0019c_graves::tables,
    },
    Step {
        name: "m0020_webhook",
        tables: m0020_webhook::tables,
    },
    Step {
        name: "m0022_repeat",
        tables: m0022_repeat::tables,
    },
    Step {
        name: "m0023_bot_lists",
        tables: m0023_bot_lists::tables,
    },
    Step {
        name: "m0024_bot_cases",
        tables: m0024_bot_cases::tables,
    },
    Step {
        name: "m0025_bot_models",
        tables: m0025_bot_models::tables,
    },
    Step {
        name: "m0026_bot_scores",
        tables: m0026_bot_scores::tables,
    },
    Step {
        name: "m0027_active_days",
        tables: Vec::new,
    },
    Step {
        name: "m0028_primary_link",
        tables: m0028_primary_link::tables,
    },
    Step {
        name: "m0029_bot_training",
        tables: m0029_bot_training::tables,
    },
    Step {
        name: "m0030_bot_rollout",
        tables: m0030_bot_rollout::tables,
    },
    Step {
        name: "m0031_bot_reference",
        tables: m0031_bot_reference::tables,
    },
    Step {
        name: "m0032_bot_arrivals",
        tables: Vec::new,
    },
    Step {
        name: "m0034_bot_state_width",
        tables: Vec::new,
    },
    Step {
        name: "m0035_bot_score",
        tables: m0035_bot_score::tables,
    },
    Step {
        name: "m0036_bot_tracked",
        tables: Vec::new,
    },
    Step {
        name: "m0038_bot_correction_account",
        tables: Vec::new,
    },
    Step {
        name: "m0039_bot_channel",
        tables: m0039_bot_channel::tables,
    },
    Step {
        name: "m0040_bot_training_trigger",
        tables: Vec::new,
    },
    Step {
        name: "m0042_bot_arm_scored",
        tables: Vec::new,
    },
    Step {
        name: "m0044_bot_link",
        tables: m0044_bot_link::tables,
    },
    Step {
        name: "m0045_bot_case_drawn",
        tables: Vec::new,
    },
    Step {
        name: "m0046_bot_case_viewer",
        tables: m0046_bot_case_viewer::tables,
    },
    Step {
        name: "m0047_bot_turn",
        tables: Vec::new,
    },
];

/// Serialises migrations on PostgreSQL; any number that nobody else uses.
const LOCK: i64 = 0x7761_6464_6c65;

/// What a migration run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Steps applied now, in order.
    pub applied: Vec<&'static str>,
    /// Steps that were there already.
    pub already: usize,
}

/// Every table of the newest schema, with owner and personal-data tags.
pub fn tables() -> Vec<Table> {
    let mut tables = vec![ledger()];
    tables.extend(STEPS.iter().flat_map(|step| (step.tables)()));
    for added in STEPS.iter().flat_map(|step| columns(step.name)) {
        let table = tables.iter_mut().find(|table| table.name == added.table);
        if let Some(table) = table {
            table.add(added);
        }
    }
    for gone in STEPS.iter().flat_map(|step| dropped(step.name)) {
        if let Some(table) = tables.iter_mut().find(|table| table.name == gone.table) {
            table.remove(gone);
        }
    }
    tables
}

fn ledger() -> Table {
    use crate::schema::{Kind, Personal};
    Table::new("schema_step", "store")
        .col("name", Kind::Text, Personal::None)
        .col("applied_at", Kind::Big, Personal::None)
        .primary(&["name"])
}

#[derive(FromQueryResult)]
struct Applied {
    name: String,
}

/// Steps of this program that the database lacks. An error if the database has steps this program
/// does not know.
pub async fn pending(db: &Db) -> Result<Vec<&'static str>, StoreError> {
    let applied = if ledger_exists(db).await? {
        read_ledger(db.write()).await?
    } else {
        Vec::new()
    };
    check_known(&applied)?;
    Ok(STEPS
        .iter()
        .map(|step| step.name)
        .filter(|name| !applied.iter().any(|a| a == name))
        .collect())
}

/// Brings the schema up to date. All missing steps commit together or not at all.
pub async fn run(db: &Db, now: Timestamp) -> Result<Report, StoreError> {
    let mut work = db.begin(&kernel::Actor::System("migrate"), now).await?;
    // A program that starts keeps no answers yet, and the table may not be there.
    work.reaches(Reach::Nothing);
    let conn = work.conn();
    if db.engine() == Engine::Postgres {
        sql::execute(conn, "SELECT pg_advisory_xact_lock($1)", vec![LOCK.into()]).await?;
    }
    if !ledger_exists_in(conn, db.engine()).await? {
        ledger().create(conn).await?;
    }
    let applied = read_ledger(conn).await?;
    check_known(&applied)?;
    let mut done = Vec::new();
    for step in STEPS
        .iter()
        .filter(|step| !applied.iter().any(|name| name == step.name))
    {
        for table in (step.tables)() {
            table.create(conn).await?;
        }
        if step.name == "m0001_foundation" {
            guard_audit(conn, db.engine()).await?;
            audit::found_chain(conn).await?;
        }
        for column in columns(step.name) {
            column.create(conn).await?;
        }
        for statement in statements(step.name) {
            conn.execute_unprepared(statement).await?;
        }
        for column in dropped(step.name) {
            column.drop_from(conn).await?;
        }
        if db.engine() == Engine::Postgres {
            for setting in settings(step.name) {
                conn.execute_unprepared(setting).await?;
            }
        }
        sql::execute(
            conn,
            "INSERT INTO schema_step (name, applied_at) VALUES ($1, $2)",
            vec![step.name.into(), now.0.into()],
        )
        .await?;
        done.push(step.name);
    }
    work.commit().await?;
    Ok(Report {
        already: applied.len(),
        applied: done,
    })
}

/// Columns that a step adds to tables of earlier ones.
fn columns(step: &str) -> &'static [Added] {
    match step {
        "m0027_active_days" => m0027_active_days::COLUMNS,
        "m0031_bot_reference" => m0031_bot_reference::COLUMNS,
        "m0032_bot_arrivals" => m0032_bot_arrivals::COLUMNS,
        "m0036_bot_tracked" => m0036_bot_tracked::COLUMNS,
        "m0038_bot_correction_account" => m0038_bot_correction_account::COLUMNS,
        "m0039_bot_channel" => m0039_bot_channel::COLUMNS,
        "m0040_bot_training_trigger" => m0040_bot_training_trigger::COLUMNS,
        "m0042_bot_arm_scored" => m0042_bot_arm_scored::COLUMNS,
        "m0047_bot_turn" => m0047_bot_turn::COLUMNS,
        _ => &[],
    }
}

/// Indexes that a step adds to tables of earlier ones, and what it writes into columns that it added.
fn statements(step: &str) -> &'static [&'static str] {
    match step {
        "m0009_privacy" => m0009_privacy::INDEXES,
        "m0012_suggestions" => m0012_suggestions::INDEXES,
        "m0013_suspicions" => m0013_suspicions::INDEXES,
        "m0038_bot_correction_account" => m0038_bot_correction_account::INDEXES,
        "m0026_bot_scores" => m0026_bot_scores::FILL,
        "m0027_active_days" => m0027_active_days::FILL,
        "m0032_bot_arrivals" => m0032_bot_arrivals::FILL,
        "m0035_bot_score" => m0035_bot_score::FILL,
        "m0039_bot_channel" => m0039_bot_channel::INDEXES,
        "m0040_bot_training_trigger" => m0040_bot_training_trigger::FILL,
        "m0042_bot_arm_scored" => m0042_bot_arm_scored::FILL,
        "m0045_bot_case_drawn" => m0045_bot_case_drawn::INDEXES,
        "m0046_bot_case_viewer" => m0046_bot_case_viewer::INDEXES,
        _ => &[],
    }
}

/// Columns that a step takes away from tables of earlier ones, after its [`statements`].
fn dropped(step: &str) -> &'static [Dropped] {
    match step {
        "m0035_bot_score" => m0035_bot_score::DROPPED,
        "m0046_bot_case_viewer" => m0046_bot_case_viewer::DROPPED,
        _ => &[],
    }
}

/// How PostgreSQL keeps tables, which nobody sees.
fn settings(step: &str) -> &'static [&'static str] {
    match step {
        "m0034_bot_state_width" => m0034_bot_state_width::SETTINGS,
        "m0035_bot_score" => m0035_bot_score::SETTINGS,
        _ => &[],
    }
}

fn check_known(applied: &[String]) -> Result<(), StoreError> {
    let known = |name: &String| STEPS.iter().any(|step| step.name == name);
    applied
        .iter()
        .find(|name| !known(name))
        .map_or(Ok(()), |name| Err(StoreError::Newer(name.clone())))
}

async fn ledger_exists(db: &Db) -> Result<bool, StoreError> {
    ledger_exists_in(db.write(), db.engine()).await
}

async fn ledger_exists_in(conn: &impl ConnectionTrait, engine: Engine) -> Result<bool, StoreError> {
    let query = match engine {
        Engine::Sqlite => {
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_step'"
        }
        Engine::Postgres => {
            "SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_name = 'schema_step'"
        }
    };
    Ok(sql::scalar::<i64>(conn, query, vec![]).await? > 0)
}

async fn read_ledger(conn: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let rows: Vec<Applied> =
        sql::all(conn, "SELECT name FROM schema_step ORDER BY name", vec![]).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Makes the database itself refuse to change or delete audit entries.
async fn guard_audit(conn: &impl ConnectionTrait, engine: Engine) -> Result<(), StoreError> {
    let statements: &[&str] = match engine {
        Engine::Sqlite => &[
            "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit \
             BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
            "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit \
             BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
            // INSERT OR REPLACE deletes without running delete triggers.
            "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit \
             WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq) \
             BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        ],
        Engine::Postgres => &[
            "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit \
             FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
        ],
    };
    for statement in statements {
        conn.execute_unprepared(statement).await?;
    }
    Ok(())
}
