//! Files whose change may have left something behind that taking the code back does not take back: migrations and schemas.

/// Folders in which tools keep migrations: Rails, Django, Alembic, Flyway, Liquibase, Prisma, Diesel, golang-migrate, Knex.
const FOLDERS: [&str; 9] = [
    "migrations",
    "migration",
    "migrate",
    "alembic",
    "flyway",
    "liquibase",
    "changelog",
    "changelogs",
    "db_migrations",
];
/// Endings of languages in which a schema of stored or transmitted data is written.
const ENDINGS: [&str; 9] = ["sql", "ddl", "proto", "avsc", "avdl", "thrift", "fbs", "xsd", "graphqls"];
/// Whole names, without the ending.
const STEMS: [&str; 4] = ["schema", "structure", "models_schema", "dbschema"];

/// Whether a path looks like a migration or a schema. A changelog in prose (`CHANGELOG.md`) is neither.
pub(super) fn is_migration_or_schema(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    folders.split('/').any(|folder| FOLDERS.contains(&folder))
        || ENDINGS.contains(&ending)
        || (STEMS.contains(&stem) && !matches!(ending, "md" | "txt" | "rst"))
}

#[cfg(test)]
mod tests {
    use super::is_migration_or_schema;

    #[test]
    fn migrations_and_schemas_are_known_by_their_places_and_endings() {
        for path in [
            "db/migrate/20251017_add_index.rb",
            "app/orders/migrations/0007_total.py",
            "src/main/resources/db/changelog/v2.yaml",
            "db/schema.rb",
            "prisma/schema.prisma",
            "sql/views.SQL",
            "api/orders.proto",
        ] {
            assert!(is_migration_or_schema(path), "{path}");
        }
        for path in ["CHANGELOG.md", "docs/schema.md", "src/migrate.rs", "src/schematic.rs", "worker.c"] {
            assert!(!is_migration_or_schema(path), "{path}");
        }
    }
}
