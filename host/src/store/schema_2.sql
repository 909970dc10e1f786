-- What scanners reported about images, as evidence.
CREATE TABLE reports (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  digest TEXT NOT NULL UNIQUE, -- of the report's bytes
  lineage TEXT NOT NULL,
  format TEXT NOT NULL,
  tool TEXT NOT NULL,
  scanned INTEGER NOT NULL,
  received INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;

-- Which images they are about: by digest, or by registry/repository:tag.
CREATE TABLE report_images (
  image TEXT NOT NULL,
  report INTEGER NOT NULL,
  PRIMARY KEY (image, report)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_images_report ON report_images (report);

CREATE TABLE waivers (
  id TEXT PRIMARY KEY,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE waiver_uses (
  id TEXT PRIMARY KEY,
  uses INTEGER NOT NULL,
  last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
