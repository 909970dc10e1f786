-- Times are microseconds since 1970. What SQLite does not need to find is in the bodies.
CREATE TABLE decisions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  time INTEGER NOT NULL,
  subject TEXT,
  verdict TEXT NOT NULL,
  policies TEXT NOT NULL, -- names, each between spaces
  body TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_subject ON decisions (subject, id) WHERE subject IS NOT NULL;

CREATE TABLE seen (
  event TEXT PRIMARY KEY,
  decision TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_until ON seen (until);

CREATE TABLE actions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  decision TEXT NOT NULL,
  policy TEXT NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  destination TEXT NOT NULL,
  lane TEXT,
  key TEXT,
  subject TEXT,
  request TEXT NOT NULL,
  since INTEGER NOT NULL,
  state TEXT NOT NULL,
  due INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  detail TEXT,
  changed INTEGER NOT NULL
) STRICT;
CREATE INDEX actions_due ON actions (destination, seq) WHERE state = 'due';
CREATE INDEX actions_dead ON actions (seq) WHERE state = 'dead';
CREATE INDEX actions_lane ON actions (lane, seq) WHERE state = 'due' AND lane IS NOT NULL;
CREATE INDEX actions_over ON actions (changed) WHERE state IN ('done', 'discarded');
CREATE INDEX actions_decision ON actions (decision);

CREATE TABLE attempts (
  action TEXT NOT NULL,
  started INTEGER NOT NULL,
  duration INTEGER NOT NULL, -- milliseconds
  state TEXT NOT NULL,
  next INTEGER,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_action ON attempts (action);

CREATE TABLE keys (
  policy TEXT NOT NULL,
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  value TEXT NOT NULL,
  expires INTEGER,
  PRIMARY KEY (policy, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_expires ON keys (expires) WHERE expires IS NOT NULL;
