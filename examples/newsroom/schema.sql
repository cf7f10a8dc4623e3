-- The site's tables. Rota's own stand in the same file and are called rota_*; nothing here touches them.
-- Instants are UTC texts of one width, such as 2026-11-23T08:30:00Z.

CREATE TABLE IF NOT EXISTS author (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE IF NOT EXISTS article (
  id           INTEGER PRIMARY KEY,
  slug         TEXT NOT NULL UNIQUE,
  title        TEXT NOT NULL,
  summary      TEXT NOT NULL DEFAULT '',
  body         TEXT NOT NULL DEFAULT '',          -- Markdown
  html         TEXT NOT NULL DEFAULT '',          -- the body as it is shown, rendered when it is written
  meta         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(meta)),
  author_id    INTEGER NOT NULL REFERENCES author (id),
  status       TEXT NOT NULL CHECK (status IN ('draft', 'scheduled', 'published', 'unpublished')),
  publish_at   TEXT,
  unpublish_at TEXT,
  reviewed_at  TEXT,                              -- NULL: public, but kept from search engines
  noindex      INTEGER NOT NULL DEFAULT 0 CHECK (noindex IN (0, 1)),
  generated    INTEGER NOT NULL DEFAULT 0 CHECK (generated IN (0, 1)),
  created_at   TEXT NOT NULL,
  updated_at   TEXT NOT NULL,
  views        INTEGER NOT NULL DEFAULT 0 CHECK (views >= 0),
  rev          INTEGER NOT NULL DEFAULT 1,        -- moves with every change that a reader could see
  CHECK (status NOT IN ('scheduled', 'published') OR publish_at IS NOT NULL)
) STRICT;

CREATE INDEX IF NOT EXISTS article_by_time  ON article (status, publish_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS article_by_rev   ON article (status, id, rev);
CREATE INDEX IF NOT EXISTS article_to_end   ON article (unpublish_at) WHERE unpublish_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS article_to_index ON article (publish_at DESC, id DESC)
  WHERE status = 'published' AND reviewed_at IS NOT NULL AND noindex = 0;

CREATE TABLE IF NOT EXISTS tag (
  name  TEXT PRIMARY KEY,                          -- as in its address
  label TEXT NOT NULL,                             -- as it is shown
  live  INTEGER NOT NULL DEFAULT 0                 -- public articles that carry it
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS article_tag (
  article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  tag        TEXT NOT NULL REFERENCES tag (name),
  live_at    TEXT,                                 -- publish_at of a public article, else NULL: the tag page reads no other row
  PRIMARY KEY (article_id, tag)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS article_tag_live ON article_tag (tag, live_at DESC, article_id DESC) WHERE live_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS redirect (
  old_slug   TEXT PRIMARY KEY,
  article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- One row a picture on disk; many articles may show the same one.
CREATE TABLE IF NOT EXISTS image_file (
  sha        TEXT PRIMARY KEY,                     -- first 20 hex digits of the SHA-256 of its bytes
  width      INTEGER NOT NULL,
  height     INTEGER NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('pending', 'ok', 'corrupt', 'missing')),
  problem    TEXT,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS image_file_pending ON image_file (created_at) WHERE state = 'pending';

CREATE TABLE IF NOT EXISTS derivative (
  sha    TEXT NOT NULL REFERENCES image_file (sha) ON DELETE CASCADE,
  width  INTEGER NOT NULL,
  height INTEGER NOT NULL,
  bytes  INTEGER NOT NULL,
  PRIMARY KEY (sha, width)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS image (
  id         INTEGER PRIMARY KEY,
  article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  sha        TEXT NOT NULL REFERENCES image_file (sha),
  alt        TEXT NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS image_of_article ON image (article_id, id);

CREATE TABLE IF NOT EXISTS related (
  article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  rank       INTEGER NOT NULL,
  other_id   INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  score      REAL NOT NULL,
  PRIMARY KEY (article_id, rank)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS related_from ON related (other_id);

-- Contentless: the text stands in article once. search_state says which revision of an article is in the index.
CREATE VIRTUAL TABLE IF NOT EXISTS article_fts USING fts5 (
  title, summary, tags, body, content = '', contentless_delete = 1, tokenize = 'porter unicode61 remove_diacritics 2'
);

CREATE TABLE IF NOT EXISTS search_state (
  article_id INTEGER PRIMARY KEY,
  rev        INTEGER NOT NULL
) STRICT;

-- Views as they come in; flushed into article.views. tally holds what was ever received, so that a loss shows.
CREATE TABLE IF NOT EXISTS view_event (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  article_id INTEGER NOT NULL,
  at         TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS tally (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS reader (
  id           INTEGER PRIMARY KEY,
  name         TEXT NOT NULL UNIQUE COLLATE NOCASE,
  password     TEXT NOT NULL,                      -- scrypt, with its salt and cost
  editor       INTEGER NOT NULL DEFAULT 0 CHECK (editor IN (0, 1)),
  timezone     TEXT NOT NULL DEFAULT 'UTC',
  digest_hour  INTEGER NOT NULL DEFAULT 8 CHECK (digest_hour BETWEEN 0 AND 23),
  digest_since TEXT,                               -- NULL: no digest wanted
  created_at   TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS reader_note (
  reader_id INTEGER PRIMARY KEY REFERENCES reader (id) ON DELETE CASCADE,
  note      TEXT NOT NULL                          -- a line to himself; it stands on his own page
) STRICT;

CREATE TABLE IF NOT EXISTS session (
  token_hash TEXT PRIMARY KEY,                     -- SHA-256; the token itself is only in the cookie
  reader_id  INTEGER NOT NULL REFERENCES reader (id) ON DELETE CASCADE,
  expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS session_by_end ON session (expires_at);

CREATE TABLE IF NOT EXISTS bookmark (
  reader_id  INTEGER NOT NULL REFERENCES reader (id) ON DELETE CASCADE,
  article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  at         TEXT NOT NULL,
  PRIMARY KEY (reader_id, article_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS digest_sent (
  reader_id INTEGER NOT NULL REFERENCES reader (id) ON DELETE CASCADE,
  period    TEXT NOT NULL,                         -- ISO week of the reader's own zone, 2026-W48
  sent_at   TEXT NOT NULL,
  UNIQUE (reader_id, period)
) STRICT;

-- What caches must forget, written in the transaction that changed the content.
CREATE TABLE IF NOT EXISTS purge_outbox (
  id  INTEGER PRIMARY KEY AUTOINCREMENT,
  tag TEXT NOT NULL,
  at  TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS link_check (
  article_id INTEGER PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE,
  rev        INTEGER NOT NULL,
  checked_at TEXT NOT NULL,
  broken     TEXT NOT NULL CHECK (json_valid(broken))
) STRICT;
