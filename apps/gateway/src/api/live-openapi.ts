import { STATUS_TIMEOUT_MS } from '@dta/contracts';
import { openApiDocument, type DescribedPlugin, type OpenApiDocument, type OpenApiOptions } from '@dta/contracts/rest';
import type { RequestContext } from '../request-context.js';
import type { RoleCalls } from '../role-calls.js';

/** How long an answer of the roles is good for: they may start again with other plugins. */
const FRESH_MS = 10_000;

/** The OpenAPI document with the plugins of the roles behind this gateway: of the principal, else of the beneficiary. */
export class LiveOpenApi {
  readonly #calls: RoleCalls;
  readonly #options: OpenApiOptions;
  #document: OpenApiDocument;
  #askAgainAt = 0;

  constructor(calls: RoleCalls, options: OpenApiOptions) {
    this.#calls = calls;
    this.#options = options;
    this.#document = openApiDocument([], options);
  }

  /** The last document that there was. */
  get newest(): OpenApiDocument {
    return this.#document;
  }

  /** Where no role answers, the document is the last one that there was. */
  async document(context: RequestContext): Promise<OpenApiDocument> {
    if (performance.now() < this.#askAgainAt) return this.#document;
    const answers = await this.#calls.callAll('status', {}, context, STATUS_TIMEOUT_MS);
    const lists = answers.map(({ outcome }): readonly DescribedPlugin[] =>
      outcome.status === 'fulfilled' ? outcome.value.plugins : [],
    );
    const plugins = lists.find((list) => list.length > 0);
    if (plugins === undefined) return this.#document;
    this.#document = openApiDocument(plugins, this.#options);
    this.#askAgainAt = performance.now() + FRESH_MS;
    return this.#document;
  }
}
