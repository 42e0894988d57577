CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS serial (purpose TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;

-- Amounts are minor units. created_at, paid_at, closed_at, settled_at: wall clock; expires, settle_due, next_due: ticks.
CREATE TABLE IF NOT EXISTS trade (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL CHECK (provider IN ('wechat', 'alipay')),
    merchant TEXT NOT NULL,
    app_id TEXT NOT NULL,
    out_no TEXT NOT NULL,
    number TEXT NOT NULL UNIQUE,
    token TEXT NOT NULL UNIQUE,
    prepay_id TEXT NOT NULL,
    product TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    subject TEXT NOT NULL,
    attach TEXT NOT NULL,
    notify_url TEXT NOT NULL,
    return_url TEXT NOT NULL,
    sign_type TEXT NOT NULL,
    payer TEXT NOT NULL,
    user_id INTEGER,
    state TEXT NOT NULL CHECK (state IN ('offered', 'waiting', 'paid', 'closed', 'finished')),
    refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount),
    created_at REAL NOT NULL,
    expires REAL NOT NULL,
    paid_at REAL,
    closed_at REAL,
    UNIQUE (provider, merchant, out_no)
) STRICT;
CREATE INDEX IF NOT EXISTS trade_open ON trade (expires) WHERE state = 'waiting';

CREATE TABLE IF NOT EXISTS refund (
    id INTEGER PRIMARY KEY,
    trade_id INTEGER NOT NULL REFERENCES trade,
    out_no TEXT NOT NULL,
    number TEXT NOT NULL UNIQUE,
    amount INTEGER NOT NULL CHECK (amount > 0),
    reason TEXT NOT NULL,
    notify_url TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('processing', 'success', 'closed', 'abnormal')),
    ends_as TEXT NOT NULL,
    created_at REAL NOT NULL,
    settle_due REAL NOT NULL,
    settled_at REAL,
    UNIQUE (trade_id, out_no)
) STRICT;
CREATE INDEX IF NOT EXISTS refund_due ON refund (settle_due) WHERE state = 'processing';

CREATE TABLE IF NOT EXISTS notice (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    operation TEXT NOT NULL,
    merchant TEXT NOT NULL,
    key TEXT NOT NULL,
    url TEXT NOT NULL,
    fields TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'behind', 'accepted', 'lost', 'given_up')),
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    next_due REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS notice_due ON notice (next_due) WHERE state = 'pending';

CREATE TABLE IF NOT EXISTS notice_attempt (
    id INTEGER PRIMARY KEY,
    notice_id INTEGER NOT NULL REFERENCES notice,
    at REAL NOT NULL,
    faults TEXT NOT NULL,
    status INTEGER NOT NULL,
    answer TEXT NOT NULL,
    accepted INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS notice_attempt_of ON notice_attempt (notice_id);

CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    operation TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    params TEXT NOT NULL,
    remaining INTEGER,
    used INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS call (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    provider TEXT NOT NULL,
    operation TEXT NOT NULL,
    key TEXT NOT NULL,
    outcome TEXT NOT NULL,
    faults TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS user (
    id INTEGER PRIMARY KEY,
    nickname TEXT NOT NULL,
    phone TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS follower (
    appid TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES user,
    since REAL NOT NULL,
    scene TEXT NOT NULL,
    active INTEGER NOT NULL,
    last_seen REAL NOT NULL,
    PRIMARY KEY (appid, user_id)
) STRICT;
CREATE TABLE IF NOT EXISTS consent (
    appid TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES user,
    template_id TEXT NOT NULL,
    remaining INTEGER NOT NULL,
    PRIMARY KEY (appid, user_id, template_id)
) STRICT;
CREATE TABLE IF NOT EXISTS code (
    code TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    appid TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES user,
    scope TEXT NOT NULL,
    expires REAL NOT NULL,
    used INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    appid TEXT NOT NULL,
    user_id INTEGER,
    scope TEXT NOT NULL,
    issued REAL NOT NULL,
    expires REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS token_of ON token (purpose, appid);
CREATE TABLE IF NOT EXISTS scene (
    ticket TEXT PRIMARY KEY,
    appid TEXT NOT NULL,
    scene TEXT NOT NULL,
    expires REAL
) STRICT;
CREATE TABLE IF NOT EXISTS callback (appid TEXT PRIMARY KEY, url TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    channel TEXT NOT NULL,
    app TEXT NOT NULL,
    recipient TEXT NOT NULL,
    template TEXT NOT NULL,
    body TEXT NOT NULL,
    reference TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS message_reference ON message (channel, reference) WHERE reference <> '';
