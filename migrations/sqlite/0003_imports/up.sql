-- Which row of a Django database became which row here: a second import neither doubles nor revives.
CREATE TABLE import_ids (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    source       TEXT NOT NULL,
    source_table TEXT NOT NULL,
    source_id    BIGINT NOT NULL,
    target_id    BIGINT NOT NULL,
    UNIQUE (source, source_table, source_id)
);
