// Made of docs/openapi.json by `npm run docs`; a test says when it is stale.
export interface paths {
  '/v1/status': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What this node is */
    get: operations['getStatus'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/order': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The principal's orders, a page at a time */
    get: operations['listOrders'];
    put?: never;
    /** Order a key: its public key now, its private key at redemption */
    post: operations['placeOrder'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/order/secret': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Redeem an order, and read its private key where the beneficiary is the own one */
    post: operations['redeemOrder'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/order/{orderReference}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One order, with the state of each fiduciary */
    get: operations['getOrder'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/order/{orderReference}/events': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One order's events as they come, all past ones first: server-sent events */
    get: operations['followOrder'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/order/{orderReference}/secret': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The private key of an order that was released to the own beneficiary */
    get: operations['revealSecret'];
    put?: never;
    /** The same with the answer of the order's plugin, to whom `extension` goes */
    post: operations['answerSecret'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/identity': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The own identities and those on the roles' admission lists */
    get: operations['listIdentities'];
    put?: never;
    /** Put an identity on the admission list of every role behind this gateway */
    post: operations['admitIdentity'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/identity/{idDocumentCID}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One identity, its document verified */
    get: operations['getIdentity'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/log/head': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The heads of the roles' logs, for an audit (`dta verify-log`) */
    get: operations['getLogHead'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/fulfill/order': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** The original's call between nodes: goes over NATS here */
    post: operations['fulfillOrder'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/fulfill/order/secret': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** The original's call between nodes: goes over NATS here */
    post: operations['fulfillSecret'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Where to go from here */
    get: operations['getFrontPage'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/readme': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The program's README */
    get: operations['getReadme'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/openapi.json': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** This document */
    get: operations['getOpenApi'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/docs': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** This document, browsable */
    get: operations['getDocs'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/health/live': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Whether the process lives */
    get: operations['getLiveness'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/health/ready': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Whether the gateway can do its work: NATS and its main role are there */
    get: operations['getReadiness'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    OrderRequest: {
      /** @description Empty or absent: the operator's own beneficiary */
      beneficiaryIDDocumentCID?: '' | string;
      /** @description The plugin's part */
      extension?: {
        [key: string]: unknown;
      };
      /** @description Absent: the principal's configured fiduciary set */
      fiduciaries?: string[];
      /** @description How many fiduciaries it takes to release; more than half by default */
      threshold?: number;
      /** @description Agrees to a threshold of 1 among several, each of whom holds the whole */
      single?: boolean;
      minDealers?: number;
      /**
       * Format: date-time
       * @description The order fails where it is not committed by then; 15 minutes by default, at most 7 days
       */
      setupBy?: string;
      /**
       * Format: date-time
       * @description Fiduciaries erase their shares then; never by default
       */
      keepUntil?: string;
      /** @description Checked by each fiduciary for itself before it releases */
      rules?: {
        /** Format: date-time */
        notBefore?: string;
        maxReleases?: number;
        waitSeconds?: number;
      };
      /** @description Absent: the first of the principal's plugins; `/v1/status` names them */
      plugin?: string;
      /**
       * @description Seconds to wait for the end before the answer is 202
       * @default 10
       */
      wait?: number;
    };
    PlacedOrder: {
      /** @description The CID of the order's Request */
      orderReference: string;
      /** @description The order's public key Y, a compressed point of secp256k1 */
      commitment: string;
      createdAt: number;
      /** @description The plugin's part */
      extension?: {
        [key: string]: unknown;
      };
    };
    PendingOrder: {
      /** @description The CID of the order's Request */
      orderReference: string;
      /** @description How far it is; later versions may have more states, so a client must take any text */
      state: string;
      waitingFor: components['schemas']['WaitingFor'];
    };
    RedemptionRequest: {
      /** @description The CID of the order's Request */
      orderReference: string;
      /** @description Empty or absent: the operator's own beneficiary */
      beneficiaryIDDocumentCID?: '' | string;
      /** @description The plugin's part */
      extension?: {
        [key: string]: unknown;
      };
      /**
       * @description Seconds to wait for the end before the answer is 202
       * @default 10
       */
      wait?: number;
    };
    SecretRequest: {
      /**
       * @description What the order's plugin asks for
       * @default {}
       */
      extension?: {
        [key: string]: unknown;
      };
    };
    RedeemedOrder: components['schemas']['Secret'] | components['schemas']['ReleasedElsewhere'];
    Secret: {
      /** @description The order's private key y */
      secret: string;
      /** @description The order's public key Y, a compressed point of secp256k1 */
      commitment: string;
      /** @description The CID of the order's Request */
      orderReference: string;
      /** @description The plugin's part */
      extension?: {
        [key: string]: unknown;
      };
    };
    ReleasedElsewhere: {
      /** @description The CID of the order's Request */
      orderReference: string;
      /** @description The order's public key Y, a compressed point of secp256k1 */
      commitment: string;
      /** @constant */
      state: 'released';
    };
    OrderList: {
      orderReference: string[];
      orders: {
        /** @description The CID of the order's Request */
        orderReference: string;
        /** @description How far it is; later versions may have more states, so a client must take any text */
        state: string;
        commitment: string | null;
        createdAt: number;
        beneficiary: string;
        /** @description Null, as are `commitment` and `fiduciaries`, of an order that a newer version of the principal wrote */
        threshold: number | null;
        /** @description How many there are */
        fiduciaries: number | null;
      }[];
      total: number;
      /** @description Only where there are any: orders of this page whose rows were altered in the principal's database */
      unreadable?: string[];
      /** @description The `cursor` of the next page; null where the list ends */
      next: string | null;
    };
    Order: {
      /** @description The CID of the order's Request */
      orderCID: string;
      /** @description JSON text of the order's record; `Type` says what it is, as in the original */
      order: string;
      /** @description The CID of the order's Request */
      orderReference: string;
      plugin: string;
      /** @description How far it is; later versions may have more states, so a client must take any text */
      state: string;
      commitment: string | null;
      createdAt: number;
      /** Format: date-time */
      setupBy: string;
      keepUntil: string | null;
      beneficiary: string;
      beneficiaryIsOwn: boolean;
      threshold: number;
      fiduciaries: {
        idDocumentCID: string;
        state: string;
        /** @description The code that the last attempt ended with */
        lastError: string | null;
        /** @description What the principal knows of its cause: whose admission list lacks whom */
        detail: string | null;
      }[];
      waitingFor: components['schemas']['WaitingFor'];
      failure: {
        reason: string;
        waitingFor: components['schemas']['WaitingFor'];
      } | null;
      /** @description What the order's plugin answered; until then what the Request says */
      extension: {
        [key: string]: unknown;
      };
      /** @description The code of the error for which a committed order has no answer of its plugin yet */
      pluginError: string | null;
      envelopes: {
        cid: string;
        published: boolean;
      }[];
      timeline: {
        /** Format: date-time */
        at: string;
        event: string;
      }[];
    };
    WaitingFor: (
      | {
          fiduciary: string;
          /** @description The code that the last attempt ended with */
          lastError: string | null;
          /** @description What the principal knows of its cause: whose admission list lacks whom */
          detail: string | null;
        }
      | {
          beneficiary: string;
          /** @description The code that the last attempt ended with */
          lastError: string | null;
          /** @description What the principal knows of its cause: whose admission list lacks whom */
          detail: string | null;
        }
      | {
          principal: string;
          /** @description The code that the last attempt ended with */
          lastError: string | null;
          /** @description What the principal knows of its cause: whose admission list lacks whom */
          detail: string | null;
        }
    )[];
    Status: {
      application: string;
      /** @constant */
      apiVersion: 'v1';
      /** @description The CID of the identity document */
      nodeCID: string;
      extensionVendor: string;
      /** @description Of orders that name none */
      plugin: string;
      /** @description What an order may say as `plugin`; `/openapi.json` has their extensions */
      plugins: string[];
      /** @enum {string} */
      nodeType: 'multi' | 'principal' | 'fiduciary' | 'beneficiary';
      /** Format: date-time */
      timeStamp: string;
      roles: {
        /** @enum {string} */
        role: 'principal' | 'fiduciary' | 'beneficiary';
        /** @description The CID of the identity document */
        nodeCID: string;
        name: string | null;
        custody: string | null;
        custodyErases: boolean | null;
        ready: boolean;
      }[];
      /** @description What this node does not protect against, in sentences */
      warnings: string[];
    };
    IdentityList: {
      identities: {
        /** @description The CID of the identity document */
        idDocumentCID: string;
        name: string;
        roles: ('principal' | 'fiduciary' | 'beneficiary')[];
        own: boolean;
      }[];
      /** @description How each role behind this gateway answered; 207 where one of them did not */
      outcomes: {
        /** @enum {string} */
        role: 'principal' | 'fiduciary' | 'beneficiary';
        /** @description The CID of the identity document */
        nodeCID: string;
        /**
         * @description `ok`, or the code of what this role answered
         * @enum {string}
         */
        code:
          | 'ok'
          | 'too_large'
          | 'non_canonical'
          | 'document_invalid'
          | 'time_ahead'
          | 'clock_skewed'
          | 'key_invalid'
          | 'point_invalid'
          | 'scalar_invalid'
          | 'signature_invalid'
          | 'decryption_failed'
          | 'identity_invalid'
          | 'identity_not_admitted'
          | 'identity_frozen'
          | 'identity_not_found'
          | 'key_file_invalid'
          | 'envelope_invalid'
          | 'attachment_invalid'
          | 'terms_invalid'
          | 'rule_unsupported'
          | 'pop_invalid'
          | 'deal_invalid'
          | 'transcript_mismatch'
          | 'certificate_invalid'
          | 'setup_expired'
          | 'epoch_superseded'
          | 'redemption_expired'
          | 'redemption_limit'
          | 'release_invalid'
          | 'shares_insufficient'
          | 'order_not_found'
          | 'order_state_conflict'
          | 'beneficiary_mismatch'
          | 'fiduciaries_missing'
          | 'fiduciaries_insufficient'
          | 'plugin_unknown'
          | 'plugin_refused'
          | 'plugin_failed'
          | 'plugin_timeout'
          | 'request_invalid'
          | 'cursor_invalid'
          | 'unauthenticated'
          | 'forbidden'
          | 'replayed'
          | 'idempotency_conflict'
          | 'not_found'
          | 'moved_to_nats'
          | 'rate_limited'
          | 'busy'
          | 'service_unavailable'
          | 'timeout'
          | 'internal'
          | 'custody_unavailable'
          | 'custody_invalid'
          | 'record_invalid'
          | 'schema_outdated'
          | 'write_conflict'
          | 'store_unavailable'
          | 'block_not_found'
          | 'block_invalid'
          | 'segment_invalid'
          | 'log_gap'
          | 'log_fork'
          | 'log_rollback'
          | 'configuration_invalid'
          | 'start_failed';
        /** @description The sentence of that problem */
        detail: string | null;
      }[];
    };
    Identity: {
      /** @description The CID of the identity document */
      idDocumentCID: string;
      name: string;
      roles: ('principal' | 'fiduciary' | 'beneficiary')[];
      own: boolean;
      /** @description By every role behind this gateway, as far as is known */
      admitted: boolean;
      /**
       * @description The worst that a role behind this gateway knows of it
       * @enum {string}
       */
      standing: 'sound' | 'frozen' | 'revoked';
      /** Format: base64 */
      document: string;
      prev: string | null;
      keys: {
        /** @description Ed25519 */
        sign: string;
        /** @description X-Wing */
        kem: string;
      };
      /** @description How each role behind this gateway answered; 207 where one of them did not */
      outcomes: {
        /** @enum {string} */
        role: 'principal' | 'fiduciary' | 'beneficiary';
        /** @description The CID of the identity document */
        nodeCID: string;
        /**
         * @description `ok`, or the code of what this role answered
         * @enum {string}
         */
        code:
          | 'ok'
          | 'too_large'
          | 'non_canonical'
          | 'document_invalid'
          | 'time_ahead'
          | 'clock_skewed'
          | 'key_invalid'
          | 'point_invalid'
          | 'scalar_invalid'
          | 'signature_invalid'
          | 'decryption_failed'
          | 'identity_invalid'
          | 'identity_not_admitted'
          | 'identity_frozen'
          | 'identity_not_found'
          | 'key_file_invalid'
          | 'envelope_invalid'
          | 'attachment_invalid'
          | 'terms_invalid'
          | 'rule_unsupported'
          | 'pop_invalid'
          | 'deal_invalid'
          | 'transcript_mismatch'
          | 'certificate_invalid'
          | 'setup_expired'
          | 'epoch_superseded'
          | 'redemption_expired'
          | 'redemption_limit'
          | 'release_invalid'
          | 'shares_insufficient'
          | 'order_not_found'
          | 'order_state_conflict'
          | 'beneficiary_mismatch'
          | 'fiduciaries_missing'
          | 'fiduciaries_insufficient'
          | 'plugin_unknown'
          | 'plugin_refused'
          | 'plugin_failed'
          | 'plugin_timeout'
          | 'request_invalid'
          | 'cursor_invalid'
          | 'unauthenticated'
          | 'forbidden'
          | 'replayed'
          | 'idempotency_conflict'
          | 'not_found'
          | 'moved_to_nats'
          | 'rate_limited'
          | 'busy'
          | 'service_unavailable'
          | 'timeout'
          | 'internal'
          | 'custody_unavailable'
          | 'custody_invalid'
          | 'record_invalid'
          | 'schema_outdated'
          | 'write_conflict'
          | 'store_unavailable'
          | 'block_not_found'
          | 'block_invalid'
          | 'segment_invalid'
          | 'log_gap'
          | 'log_fork'
          | 'log_rollback'
          | 'configuration_invalid'
          | 'start_failed';
        /** @description The sentence of that problem */
        detail: string | null;
      }[];
    };
    IdentityAdmission: {
      /**
       * Format: base64
       * @description The identity document of a chain that has one, or a Revocation or Decision
       */
      document?: string;
      /** @description All documents of one chain, with its Decisions and its Revocation if there are any, in any order */
      documents?: string[];
      /** @description Its CID, where a store can find it */
      idDocumentCID?: string;
    };
    AdmittedIdentity: {
      /** @description The CID of the identity document */
      idDocumentCID: string;
      /** @description How each role behind this gateway answered; 207 where one of them did not */
      outcomes: {
        /** @enum {string} */
        role: 'principal' | 'fiduciary' | 'beneficiary';
        /** @description The CID of the identity document */
        nodeCID: string;
        /**
         * @description `ok`, or the code of what this role answered
         * @enum {string}
         */
        code:
          | 'ok'
          | 'too_large'
          | 'non_canonical'
          | 'document_invalid'
          | 'time_ahead'
          | 'clock_skewed'
          | 'key_invalid'
          | 'point_invalid'
          | 'scalar_invalid'
          | 'signature_invalid'
          | 'decryption_failed'
          | 'identity_invalid'
          | 'identity_not_admitted'
          | 'identity_frozen'
          | 'identity_not_found'
          | 'key_file_invalid'
          | 'envelope_invalid'
          | 'attachment_invalid'
          | 'terms_invalid'
          | 'rule_unsupported'
          | 'pop_invalid'
          | 'deal_invalid'
          | 'transcript_mismatch'
          | 'certificate_invalid'
          | 'setup_expired'
          | 'epoch_superseded'
          | 'redemption_expired'
          | 'redemption_limit'
          | 'release_invalid'
          | 'shares_insufficient'
          | 'order_not_found'
          | 'order_state_conflict'
          | 'beneficiary_mismatch'
          | 'fiduciaries_missing'
          | 'fiduciaries_insufficient'
          | 'plugin_unknown'
          | 'plugin_refused'
          | 'plugin_failed'
          | 'plugin_timeout'
          | 'request_invalid'
          | 'cursor_invalid'
          | 'unauthenticated'
          | 'forbidden'
          | 'replayed'
          | 'idempotency_conflict'
          | 'not_found'
          | 'moved_to_nats'
          | 'rate_limited'
          | 'busy'
          | 'service_unavailable'
          | 'timeout'
          | 'internal'
          | 'custody_unavailable'
          | 'custody_invalid'
          | 'record_invalid'
          | 'schema_outdated'
          | 'write_conflict'
          | 'store_unavailable'
          | 'block_not_found'
          | 'block_invalid'
          | 'segment_invalid'
          | 'log_gap'
          | 'log_fork'
          | 'log_rollback'
          | 'configuration_invalid'
          | 'start_failed';
        /** @description The sentence of that problem */
        detail: string | null;
      }[];
    };
    LogHeads: {
      heads: {
        /** @enum {string} */
        role: 'principal' | 'fiduciary' | 'beneficiary';
        /** @description The CID of the identity document */
        nodeCID: string;
        /** @description The newest segment in the document store; null before the first */
        head: {
          /** @description Starts at 0 */
          seq: number;
          segment: string;
        } | null;
      }[];
      /** @description How each role behind this gateway answered; 207 where one of them did not */
      outcomes: {
        /** @enum {string} */
        role: 'principal' | 'fiduciary' | 'beneficiary';
        /** @description The CID of the identity document */
        nodeCID: string;
        /**
         * @description `ok`, or the code of what this role answered
         * @enum {string}
         */
        code:
          | 'ok'
          | 'too_large'
          | 'non_canonical'
          | 'document_invalid'
          | 'time_ahead'
          | 'clock_skewed'
          | 'key_invalid'
          | 'point_invalid'
          | 'scalar_invalid'
          | 'signature_invalid'
          | 'decryption_failed'
          | 'identity_invalid'
          | 'identity_not_admitted'
          | 'identity_frozen'
          | 'identity_not_found'
          | 'key_file_invalid'
          | 'envelope_invalid'
          | 'attachment_invalid'
          | 'terms_invalid'
          | 'rule_unsupported'
          | 'pop_invalid'
          | 'deal_invalid'
          | 'transcript_mismatch'
          | 'certificate_invalid'
          | 'setup_expired'
          | 'epoch_superseded'
          | 'redemption_expired'
          | 'redemption_limit'
          | 'release_invalid'
          | 'shares_insufficient'
          | 'order_not_found'
          | 'order_state_conflict'
          | 'beneficiary_mismatch'
          | 'fiduciaries_missing'
          | 'fiduciaries_insufficient'
          | 'plugin_unknown'
          | 'plugin_refused'
          | 'plugin_failed'
          | 'plugin_timeout'
          | 'request_invalid'
          | 'cursor_invalid'
          | 'unauthenticated'
          | 'forbidden'
          | 'replayed'
          | 'idempotency_conflict'
          | 'not_found'
          | 'moved_to_nats'
          | 'rate_limited'
          | 'busy'
          | 'service_unavailable'
          | 'timeout'
          | 'internal'
          | 'custody_unavailable'
          | 'custody_invalid'
          | 'record_invalid'
          | 'schema_outdated'
          | 'write_conflict'
          | 'store_unavailable'
          | 'block_not_found'
          | 'block_invalid'
          | 'segment_invalid'
          | 'log_gap'
          | 'log_fork'
          | 'log_rollback'
          | 'configuration_invalid'
          | 'start_failed';
        /** @description The sentence of that problem */
        detail: string | null;
      }[];
    };
    FrontPage: {
      /** @constant */
      application: 'D-TA';
      /** @description The API, browsable */
      docs: string;
      /** @description The API as OpenAPI 3.1 */
      openapi: string;
      /** @description What this node is */
      status: string;
      /** @description Whether it can work */
      health: string;
      /** @description The program's README */
      readme: string;
    };
    Liveness: {
      /** @constant */
      status: 'ok';
    };
    Readiness: {
      ready: boolean;
      /** @description Each part that is `up`, and those without which nothing goes on: why they are not */
      parts: {
        [key: string]: string;
      };
      /** @description Parts that are away and without which work goes on, and why */
      degraded: {
        [key: string]: string;
      };
    };
    Problem: {
      /** @description urn:dta:problem:<code> */
      type: string;
      title: string;
      status: number;
      detail: string;
      /**
       * @description Stable: clients may branch on it
       * @enum {string}
       */
      code:
        | 'too_large'
        | 'non_canonical'
        | 'document_invalid'
        | 'time_ahead'
        | 'clock_skewed'
        | 'key_invalid'
        | 'point_invalid'
        | 'scalar_invalid'
        | 'signature_invalid'
        | 'decryption_failed'
        | 'identity_invalid'
        | 'identity_not_admitted'
        | 'identity_frozen'
        | 'identity_not_found'
        | 'key_file_invalid'
        | 'envelope_invalid'
        | 'attachment_invalid'
        | 'terms_invalid'
        | 'rule_unsupported'
        | 'pop_invalid'
        | 'deal_invalid'
        | 'transcript_mismatch'
        | 'certificate_invalid'
        | 'setup_expired'
        | 'epoch_superseded'
        | 'redemption_expired'
        | 'redemption_limit'
        | 'release_invalid'
        | 'shares_insufficient'
        | 'order_not_found'
        | 'order_state_conflict'
        | 'beneficiary_mismatch'
        | 'fiduciaries_missing'
        | 'fiduciaries_insufficient'
        | 'plugin_unknown'
        | 'plugin_refused'
        | 'plugin_failed'
        | 'plugin_timeout'
        | 'request_invalid'
        | 'cursor_invalid'
        | 'unauthenticated'
        | 'forbidden'
        | 'replayed'
        | 'idempotency_conflict'
        | 'not_found'
        | 'moved_to_nats'
        | 'rate_limited'
        | 'busy'
        | 'service_unavailable'
        | 'timeout'
        | 'internal'
        | 'custody_unavailable'
        | 'custody_invalid'
        | 'record_invalid'
        | 'schema_outdated'
        | 'write_conflict'
        | 'store_unavailable'
        | 'block_not_found'
        | 'block_invalid'
        | 'segment_invalid'
        | 'log_gap'
        | 'log_fork'
        | 'log_rollback'
        | 'configuration_invalid'
        | 'start_failed';
      requestId: string;
      /** @description Every fault of a request that fails validation */
      errors?: {
        path: string;
        message: string;
      }[];
      orderReference?: string;
      /** @description fiduciaries_insufficient: which and why */
      waitingFor?: components['schemas']['WaitingFor'];
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
  getStatus: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The node, and each of its roles */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Status'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  listOrders: {
    parameters: {
      query?: {
        /** @description Starts at 0, the default. Newest first, pages move while orders come in: `cursor` goes on where a page ended */
        page?: number;
        /** @description `next` of an answer: the orders after those, by the same order and filters, which need not be said again */
        cursor?: string;
        perPage?: number;
        /** @description dateCreatedAsc: oldest first; anything else: newest first */
        sortBy?: string;
        state?:
          | 'requested'
          | 'enrolled'
          | 'dealing'
          | 'committed'
          | 'releasing'
          | 'released'
          | 'renewing'
          | 'failed'
          | 'cancelled'
          | 'expired';
        beneficiary?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description One page */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['OrderList'];
        };
      };
      /** @description request_invalid, cursor_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  placeOrder: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and body: the same order; the same key and another body: 422 idempotency_conflict */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['OrderRequest'];
      };
    };
    responses: {
      /** @description Committed */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['PlacedOrder'];
        };
      };
      /** @description Not committed within `wait` */
      202: {
        headers: {
          /** @description Where to ask again */
          Location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['PendingOrder'];
        };
      };
      /** @description request_invalid, fiduciaries_missing */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description identity_not_admitted */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description identity_not_found */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description order_state_conflict */
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description too_large */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description terms_invalid, rule_unsupported, idempotency_conflict, plugin_unknown, plugin_refused */
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description plugin_failed */
      502: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description fiduciaries_insufficient, service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout, plugin_timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  redeemOrder: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and body: the same order; the same key and another body: 422 idempotency_conflict */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['RedemptionRequest'];
      };
    };
    responses: {
      /** @description Released; with the secret where the beneficiary is the own one */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['RedeemedOrder'];
        };
      };
      /** @description Not released within `wait` */
      202: {
        headers: {
          /** @description Where to ask again */
          Location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['PendingOrder'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description order_not_found */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description order_state_conflict */
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description too_large */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description beneficiary_mismatch, idempotency_conflict, plugin_unknown, plugin_refused */
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description redemption_limit, rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description plugin_failed */
      502: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description fiduciaries_insufficient, service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout, plugin_timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getOrder: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The CID of the order's Request */
        orderReference: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The order */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Order'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description order_not_found */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  followOrder: {
    parameters: {
      query?: never;
      header?: {
        /** @description The id of the last event that the client has; absent: from the first */
        'Last-Event-ID'?: number;
      };
      path: {
        /** @description The CID of the order's Request */
        orderReference: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Each event: `id`, and `data` with `{ "at": RFC 3339, "event": the state reached }` */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/event-stream': unknown;
        };
      };
      /** @description The client has the last event of an order at its end */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description order_not_found */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description busy, service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  revealSecret: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The CID of the order's Request */
        orderReference: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The secret */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Secret'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description order_not_found */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description order_state_conflict */
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  answerSecret: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and body: the same order; the same key and another body: 422 idempotency_conflict */
        'Idempotency-Key'?: string;
      };
      path: {
        /** @description The CID of the order's Request */
        orderReference: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['SecretRequest'];
      };
    };
    responses: {
      /** @description The secret, and what the plugin makes of it */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Secret'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description order_not_found */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description order_state_conflict */
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description too_large */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description plugin_unknown, plugin_refused */
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description plugin_failed */
      502: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout, plugin_timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  listIdentities: {
    parameters: {
      query?: {
        role?: 'principal' | 'fiduciary' | 'beneficiary';
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The identities */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['IdentityList'];
        };
      };
      /** @description The same, but a role did not answer: `outcomes` says which, and why */
      207: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['IdentityList'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  admitIdentity: {
    parameters: {
      query?: never;
      header?: {
        /** @description The same key and body: the same order; the same key and another body: 422 idempotency_conflict */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['IdentityAdmission'];
      };
    };
    responses: {
      /** @description Noted by every role */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['AdmittedIdentity'];
        };
      };
      /** @description The same, but a role did not answer: `outcomes` says which, and why */
      207: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['AdmittedIdentity'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description identity_not_admitted */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description identity_not_found */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description identity_frozen */
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description too_large */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description identity_invalid, signature_invalid */
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description block_invalid */
      502: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description store_unavailable, service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getIdentity: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The CID of the identity document */
        idDocumentCID: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The identity */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Identity'];
        };
      };
      /** @description The same, but a role did not answer: `outcomes` says which, and why */
      207: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Identity'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description identity_not_found */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getLogHead: {
    parameters: {
      query?: {
        role?: 'principal' | 'fiduciary' | 'beneficiary';
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The head of each role */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['LogHeads'];
        };
      };
      /** @description The same, but a role did not answer: `outcomes` says which, and why */
      207: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['LogHeads'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  fulfillOrder: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description moved_to_nats */
      410: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  fulfillSecret: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description unauthenticated */
      401: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description moved_to_nats */
      410: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description timeout */
      504: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getFrontPage: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Paths; for a browser (`Accept: text/html`) as a page */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['FrontPage'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getReadme: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Markdown, to be read as text */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/plain': unknown;
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getOpenApi: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OpenAPI 3.1 */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': unknown;
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getDocs: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description A page */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/html': unknown;
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getLiveness: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It does */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Liveness'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description service_unavailable */
      503: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
    };
  };
  getReadiness: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It can; `degraded` names what is away all the same */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Readiness'];
        };
      };
      /** @description request_invalid */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description rate_limited */
      429: {
        headers: {
          /** @description Seconds */
          'Retry-After'?: string;
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description internal */
      500: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/problem+json': components['schemas']['Problem'];
        };
      };
      /** @description It can not; `parts` says why */
      503: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Readiness'];
        };
      };
    };
  };
}
