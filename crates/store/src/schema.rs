//! How a migration describes a table: once for both engines, with the owner of the table and a
//! personal-data tag on every column. Export and erasure read the tags; a test compares the
//! description with the migrated database, so that no column goes untagged.

use sea_orm::{
    ConnectionTrait,
    sea_query::{
        Alias, ColumnDef, Expr, ForeignKey, ForeignKeyAction, Index, IndexCreateStatement,
        Table as SqlTable, TableCreateStatement,
    },
};

use crate::StoreError;

/// Column types. Times are [`Kind::Big`]: microseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 16-bit integer: codes.
    Small,
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    Big,
    /// UTF-8 text.
    Text,
    /// Truth value.
    Bool,
    /// Bytes of the owner's own making, small enough to be read with their row.
    Bytes,
}

/// Whether a column says something about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// Names, texts, addresses: exported to the person and erased.
    Personal,
    /// An id that leads to a person only through another table.
    Pseudonymous,
    /// Nothing about a person.
    None,
}

/// A described column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its tag.
    pub personal: Personal,
    nullable: bool,
    auto: bool,
}

/// A described table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name, singular.
    pub name: &'static str,
    /// The crate that alone may touch it.
    pub owner: &'static str,
    columns: Vec<Column>,
    primary: &'static [&'static str],
    unique: Vec<&'static [&'static str]>,
    indexes: Vec<&'static [&'static str]>,
    partial: Vec<Partial>,
    references: Vec<(&'static str, &'static str)>,
    checks: Vec<&'static str>,
}

#[derive(Debug, Clone, Copy)]
struct Partial {
    name: &'static str,
    columns: &'static [&'static str],
    predicate: &'static str,
    unique: bool,
}

/// A column that a later step adds to a table.
#[derive(Debug, Clone, Copy)]
pub struct Added {
    /// To which table.
    pub table: &'static str,
    column: Column,
    /// What the rows have that are there already, and those that the version before still writes.
    default: i32,
}

impl Added {
    /// A required number.
    pub const fn number(
        table: &'static str,
        name: &'static str,
        kind: Kind,
        personal: Personal,
        default: i32,
    ) -> Self {
        let column = Column {
            name,
            kind,
            personal,
            nullable: false,
            auto: false,
        };
        Self {
            table,
            column,
            default,
        }
    }

    /// Adds it.
    pub async fn create(&self, conn: &impl ConnectionTrait) -> Result<(), StoreError> {
        let mut column = self.column.definition();
        column.default(self.default);
        let mut change = SqlTable::alter();
        change.table(Alias::new(self.table)).add_column(column);
        conn.execute(&change).await?;
        Ok(())
    }
}

/// A column that a later step takes away from a table.
#[derive(Debug, Clone, Copy)]
pub struct Dropped {
    /// From which table.
    pub table: &'static str,
    name: &'static str,
}

impl Dropped {
    /// A column that no index has any more.
    pub const fn column(table: &'static str, name: &'static str) -> Self {
        Self { table, name }
    }

    /// Takes it away, with what stands in it.
    pub async fn drop_from(&self, conn: &impl ConnectionTrait) -> Result<(), StoreError> {
        let mut change = SqlTable::alter();
        change
            .table(Alias::new(self.table))
            .drop_column(Alias::new(self.name));
        conn.execute(&change).await?;
        Ok(())
    }
}

impl Table {
    /// A table without columns yet.
    pub const fn new(name: &'static str, owner: &'static str) -> Self {
        Self {
            name,
            owner,
            columns: Vec::new(),
            primary: &[],
            unique: Vec::new(),
            indexes: Vec::new(),
            partial: Vec::new(),
            references: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Describes a column that was added.
    pub(crate) fn add(&mut self, added: &Added) {
        self.columns.push(added.column);
    }

    /// Describes that a column was taken away, and what was made of it.
    pub(crate) fn remove(&mut self, gone: &Dropped) {
        self.columns.retain(|column| column.name != gone.name);
        self.indexes.retain(|columns| !columns.contains(&gone.name));
    }

    /// A sequential primary key named `id`, never reused.
    #[must_use]
    pub fn id(mut self, kind: Kind) -> Self {
        self.primary = &["id"];
        self.columns.push(Column {
            name: "id",
            kind,
            personal: Personal::Pseudonymous,
            nullable: false,
            auto: true,
        });
        self
    }

    /// A required column.
    #[must_use]
    pub fn col(mut self, name: &'static str, kind: Kind, personal: Personal) -> Self {
        self.columns.push(Column {
            name,
            kind,
            personal,
            nullable: false,
            auto: false,
        });
        self
    }

    /// A column that may be null.
    #[must_use]
    pub fn null(mut self, name: &'static str, kind: Kind, personal: Personal) -> Self {
        self.columns.push(Column {
            name,
            kind,
            personal,
            nullable: true,
            auto: false,
        });
        self
    }

    /// The primary key.
    #[must_use]
    pub const fn primary(mut self, columns: &'static [&'static str]) -> Self {
        self.primary = columns;
        self
    }

    /// A unique key.
    #[must_use]
    pub fn unique(mut self, columns: &'static [&'static str]) -> Self {
        self.unique.push(columns);
        self
    }

    /// An index.
    #[must_use]
    pub fn index(mut self, columns: &'static [&'static str]) -> Self {
        self.indexes.push(columns);
        self
    }

    /// An index over the rows that match a literal predicate.
    #[must_use]
    pub fn index_where(
        mut self,
        name: &'static str,
        columns: &'static [&'static str],
        predicate: &'static str,
    ) -> Self {
        self.partial.push(Partial {
            name,
            columns,
            predicate,
            unique: false,
        });
        self
    }

    /// A unique key among the rows that match a literal predicate.
    #[must_use]
    pub fn unique_where(
        mut self,
        name: &'static str,
        columns: &'static [&'static str],
        predicate: &'static str,
    ) -> Self {
        self.partial.push(Partial {
            name,
            columns,
            predicate,
            unique: true,
        });
        self
    }

    /// A foreign key to the `id` of another table; deleting there is refused while rows remain here.
    #[must_use]
    pub fn references(mut self, column: &'static str, table: &'static str) -> Self {
        self.references.push((column, table));
        self
    }

    /// A rule every row obeys.
    #[must_use]
    pub fn check(mut self, rule: &'static str) -> Self {
        self.checks.push(rule);
        self
    }

    /// Creates the table and its indexes.
    pub async fn create(&self, conn: &impl ConnectionTrait) -> Result<(), StoreError> {
        conn.execute(&self.statement()).await?;
        for index in self.index_statements() {
            conn.execute(&index).await?;
        }
        for partial in &self.partial {
            let unique = if partial.unique { "UNIQUE " } else { "" };
            conn.execute_unprepared(&format!(
                "CREATE {unique}INDEX {} ON {} ({}) WHERE {}",
                partial.name,
                self.name,
                partial.columns.join(", "),
                partial.predicate
            ))
            .await?;
        }
        Ok(())
    }

    fn statement(&self) -> TableCreateStatement {
        let mut table = SqlTable::create();
        table.table(Alias::new(self.name));
        for column in &self.columns {
            table.col(column.definition());
        }
        if !self.columns.iter().any(|c| c.auto) {
            let mut key = Index::create();
            for column in self.primary {
                key.col(Alias::new(*column));
            }
            table.primary_key(&mut key);
        }
        for (column, target) in &self.references {
            table.foreign_key(
                ForeignKey::create()
                    .name(format!("fk_{}_{column}", self.name))
                    .from(Alias::new(self.name), Alias::new(*column))
                    .to(Alias::new(*target), Alias::new("id"))
                    .on_delete(ForeignKeyAction::Restrict),
            );
        }
        for rule in &self.checks {
            table.check(Expr::cust(*rule));
        }
        table
    }

    fn index_statements(&self) -> Vec<IndexCreateStatement> {
        let build = |columns: &[&'static str], unique: bool| {
            let mut index = Index::create();
            let prefix = if unique { "uq" } else { "ix" };
            index
                .name(format!("{prefix}_{}_{}", self.name, columns.join("_")))
                .table(Alias::new(self.name));
            for column in columns {
                index.col(Alias::new(*column));
            }
            if unique {
                index.unique();
            }
            index
        };
        let unique = self.unique.iter().map(|columns| build(columns, true));
        unique
            .chain(self.indexes.iter().map(|columns| build(columns, false)))
            .collect()
    }
}

impl Column {
    fn definition(&self) -> ColumnDef {
        let mut column = ColumnDef::new(Alias::new(self.name));
        match self.kind {
            Kind::Small => column.small_integer(),
            Kind::Int => column.integer(),
            Kind::Big => column.big_integer(),
            Kind::Text => column.text(),
            Kind::Bool => column.boolean(),
            Kind::Bytes => column.blob(),
        };
        if self.auto {
            column.primary_key().auto_increment();
        }
        if self.nullable {
            column.null()
        } else {
            column.not_null()
        };
        column
    }
}
