import { openApiDocument, type DescribedPlugin, type OpenApiDocument, type OpenApiOptions } from '@dta/contracts/rest';
import type { RoleStatuses } from '../role-statuses.js';

/** The OpenAPI document with the plugins of the roles behind this gateway: of the principal, else of the beneficiary. */
export class LiveOpenApi {
  readonly #statuses: RoleStatuses;
  readonly #options: OpenApiOptions;
  #document: OpenApiDocument;
  #madeOf: unknown;

  constructor(statuses: RoleStatuses, options: OpenApiOptions) {
    this.#statuses = statuses;
    this.#options = options;
    this.#document = openApiDocument([], options);
  }

  /** The last document that there was. */
  get newest(): OpenApiDocument {
    return this.#document;
  }

  /** Where no role answers, the document is the last one that there was. */
  async document(): Promise<OpenApiDocument> {
    const answers = await this.#statuses.asked();
    if (answers === this.#madeOf) return this.#document;
    this.#madeOf = answers;
    const lists = answers.map(({ outcome }): readonly DescribedPlugin[] =>
      outcome.status === 'fulfilled' ? outcome.value.plugins : [],
    );
    const plugins = lists.find((list) => list.length > 0);
    if (plugins !== undefined) this.#document = openApiDocument(plugins, this.#options);
    return this.#document;
  }
}
