/** Every limit of time, size and number, once (docs/architecture.md, "Limits, in one file"). Units stand in the names. */

/** How long a request for an order or a secret waits for its end when it doesn't say. */
export const WAIT_DEFAULT_SECONDS = 10;
export const WAIT_MAX_SECONDS = 60;

/** An HTTP request is answered at the latest this long after its `wait`. */
export const HTTP_BEYOND_WAIT_MS = 5_000;
export const HTTP_BODY_MAX_BYTES = 256 * 1024;
/** How long a client may take for a request's head, and then for its body. */
export const HTTP_HEAD_TIMEOUT_MS = 10_000;
export const HTTP_BODY_TIMEOUT_MS = 30_000;
/** Objects and arrays in one another. */
export const JSON_MAX_DEPTH = 16;
/** Values of one body: members, elements and the body itself. */
export const JSON_MAX_VALUES = 5_000;

export const INTERNAL_CALL_TIMEOUT_MS = 5_000;
/**
 * How long `place-order` and `redeem-order` wait for the end of what they begin; `await-order` waits for the rest. A caller
 * whose principal dies meanwhile has no reference yet.
 */
export const PROMPT_WAIT_MAX_MS = 1_000;
/** `await-order` is answered at the latest this long after its `waitMs`. */
export const AWAIT_BEYOND_WAIT_MS = 2_000;
export const INTERNAL_CALL_MAX_BYTES = 1024 * 1024;
/** How far a call's `at` may lie from the role's clock (docs/protocol.md §5). */
export const INTERNAL_CALL_CLOCK_MS = 120_000;
/** How long a role that is asked for its status may take before it counts as away. */
export const STATUS_TIMEOUT_MS = 2_000;

/** One attempt to call a peer. */
export const PEER_CALL_TIMEOUT_MS = 5_000;
export const BUNDLE_MAX_BYTES = 1024 * 1024;
/** What our NATS configurations allow a message to have. */
export const NATS_MAX_PAYLOAD_BYTES = 2 * 1024 * 1024;

/** How often a role compares its clock with its database's, and for how long it goes by what it found. */
export const CLOCK_LOOK_EVERY_MS = 10_000;
export const CLOCK_LOOK_HOLDS_MS = 60_000;
/** How long the database's clock must have run without a jump before anything is done that can't be undone. */
export const CLOCK_STEADY_MS = 60 * 60_000;

export const SQL_STATEMENT_TIMEOUT_MS = 5_000;
export const SQL_LOCK_TIMEOUT_MS = 2_000;
/** When a connection that says nothing is given up: the server's own limits come first where it lives. */
export const SQL_SILENCE_TIMEOUT_MS = 7_000;

/** One call of the document store, a search among other nodes included. */
export const DOCUMENT_STORE_TIMEOUT_MS = 30_000;
/** How long `POST /v1/identity` lets the store look for a document before it says that it isn't there. */
export const IDENTITY_SEARCH_MS = 4_000;

/** How long a process that was told to stop finishes what it has begun. */
export const DRAIN_MS = 25_000;

/** Messages that one instance of a role has in work at a time. */
export const MESSAGES_IN_WORK_MAX = 32;
/** Messages that wait for a place in work; more are answered `busy`. */
export const MESSAGES_QUEUED_MAX = 32;
/** Calls that wait for an order in one instance. */
export const WAITERS_MAX = 1_000;
/** Streams of events that one gateway has open; each is a waiter in an instance of its principal, most of the time. */
export const EVENT_STREAMS_MAX = 500;
/** Of them those of one client address: a client that runs wild leaves room for the others. */
export const EVENT_STREAMS_PER_CLIENT_MAX = 100;
/** Events that one call tells of; who wants more asks again. */
export const EVENTS_PER_CALL_MAX = 100;
/** A stream of events says at least this often that it is alive. */
export const EVENT_HEARTBEAT_MS = 15_000;
/** Orders that one process of a principal drives at a time. */
export const ORDERS_DRIVEN_MAX = 16;
/** Orders that it drives beside them, which wait for a party that hangs, or for nothing that a step waits for. */
export const ORDERS_LINGERING_MAX = 48;
/** Orders that wait there for a place with all that driving them takes; others are read again when their turn comes. */
export const ORDERS_HELD_MAX = 64;
/** Orders that wait there at all, before new ones are refused. */
export const ORDERS_QUEUED_MAX = 10_000;
/** Orders under way whose next step a fiduciary or beneficiary takes without reading them. */
export const ORDERS_AT_HAND_MAX = 500;
/** A step that was taken and comes in another envelope is answered again this often, of each verb and order. */
export const STEP_SAID_AGAIN_MS = 60_000;
/** Orders and verbs for which a role remembers that it did so. */
export const STEPS_SAID_AGAIN_MAX = 4_000;
export const IDENTITIES_CACHED_MAX = 10_000;
/** Of their documents together: most are below 2 KB, but one may have 128 KiB. */
export const IDENTITIES_CACHED_MAX_BYTES = 16 * 1024 * 1024;
/** Verified statements that a role keeps at hand: those of the orders under way. */
export const STATEMENTS_CACHED_MAX = 4_000;
export const STATEMENTS_CACHED_MAX_BYTES = 32 * 1024 * 1024;

/** One call to an order plugin, once it runs; and how long it may wait for a free thread before. */
export const PLUGIN_CALL_MS = 2_000;
export const PLUGIN_QUEUE_MS = 1_500;
/** How long a plugin may take to load at a role's start: a machine that is busy with all else that starts takes its time. */
export const PLUGIN_START_MS = 120_000;
/** How long it may take in another thread later. */
export const PLUGIN_LOAD_MS = 15_000;
/** How often a start says what it still waits for. */
export const PLUGIN_LOAD_TELL_MS = 10_000;
/** A plugin thread's heap, and the bytes it may hold beside it. */
export const PLUGIN_HEAP_MB = 64;
export const PLUGIN_BYTES_MB = 64;
/** Threads of one plugin in one process, and calls that wait for one. */
export const PLUGIN_THREADS = 2;
export const PLUGIN_CALLS_QUEUED_MAX = 64;
/** What a plugin may answer, as JSON; and what it may hold back until the order is committed. */
export const PLUGIN_EXTENSION_MAX_BYTES = 256 * 1024;
export const PLUGIN_HELD_MAX_BYTES = 64 * 1024;

export const FIDUCIARIES_MAX = 32;
export const ORDERS_PER_PAGE_DEFAULT = 20;
export const ORDERS_PER_PAGE_MAX = 1_000;
export const IDENTITY_DOCUMENT_MAX_BYTES = 16 * 1024;
/** What an operator may give of one chain at once: twelve documents, rivals of them, Decisions, a Revocation. */
export const IDENTITY_DOCUMENTS_MAX = 32;
export const IDEMPOTENCY_KEY_MAX_CHARS = 255;
export const TOKEN_MAX_CHARS = 8 * 1024;

/** How long a replica may drive an order before it renews its lease. */
export const LEASE_MS = 15_000;
/** How long a replica may publish before it renews its right. */
export const PUBLISHER_LEASE_MS = 15_000;
/** Shortest and longest wait between two attempts at a delivery, before jitter. */
export const BACKOFF_MIN_MS = 500;
export const BACKOFF_MAX_MS = 30_000;
/** The longest where no step waits for the answer. */
export const BACKOFF_UNAWAITED_MAX_MS = 600_000;
