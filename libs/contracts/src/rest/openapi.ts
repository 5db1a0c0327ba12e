import type { ErrorCode } from '@dta/errors';
import type { ResultOf } from '../internal/calls.js';
import { z } from 'zod';
import * as node from './node-bodies.js';
import * as order from './order-bodies.js';
import { problemSchema, statusOf } from './problem.js';
import type { Route, RouteAnswer } from './route.js';
import { routes } from './routes.js';

type Json = Readonly<Record<string, unknown>>;

/** An OpenAPI 3.1 document. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: Json;
  readonly servers: readonly Json[];
  readonly tags: readonly Json[];
  /** absent where no token is asked for */
  readonly security?: readonly Json[];
  readonly paths: Readonly<Record<string, Json>>;
  readonly components: Json;
}

/** Bodies by the name that the document gives them. */
const bodies: Readonly<Record<string, z.ZodType>> = {
  OrderRequest: order.placeOrderBody,
  PlacedOrder: order.placedOrder,
  PendingOrder: order.pendingOrder,
  RedemptionRequest: order.redeemOrderBody,
  SecretRequest: order.revealSecretBody,
  RedeemedOrder: order.redeemedOrder,
  Secret: order.secretAnswer,
  ReleasedElsewhere: order.releasedElsewhere,
  OrderList: order.orderList,
  Order: order.orderDetail,
  WaitingFor: order.waitingFor,
  Status: node.nodeStatus,
  IdentityList: node.identityList,
  Identity: node.identityDetail,
  IdentityAdmission: node.admitIdentityBody,
  AdmittedIdentity: node.admittedIdentity,
  LogHeads: node.logHeads,
  FrontPage: node.frontPage,
  Liveness: node.liveness,
  Readiness: node.readiness,
  Problem: problemSchema,
};

const everywhere: readonly ErrorCode[] = ['rate_limited', 'service_unavailable', 'internal'];

/** A plugin of the node, as its role describes it: each schema is the text of a JSON Schema. */
export type DescribedPlugin = ResultOf<'status'>['plugins'][number];

/** What a gateway is, as far as its document says it. */
export interface OpenApiOptions {
  /** Whether it asks for a bearer token; the standalone node doesn't. */
  readonly asksToken: boolean;
}

/**
 * The OpenAPI 3.1 document of {@link routes}: the same bytes for the same table. With the node's plugins it says what each
 * takes and gives as `extension`.
 */
export function openApiDocument(
  plugins: readonly DescribedPlugin[] = [],
  { asksToken }: OpenApiOptions = { asksToken: true },
): OpenApiDocument {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, route] of Object.entries<Route>(routes)) {
    (paths[route.path] ??= {})[route.method] = operation(name, route, asksToken);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'D-TA gateway',
      version: '1',
      description: 'Decentralised Trust Authority: order keys, redeem them. A superset of the Apache Milagro D-TA.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: ['orders', 'identities', 'node', 'original'].map((tag) => ({ name: tag })),
    ...(asksToken && { security: [{ bearer: [] }] }),
    paths,
    components: {
      ...(asksToken && { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } }),
      schemas: withPlugins(componentSchemas(), plugins),
    },
  };
}

function operation(name: string, route: Route, asksToken: boolean): Json {
  const parameters = [
    ...parametersOf('path', route.params),
    ...parametersOf('query', route.query),
    ...parametersOf('header', route.headers ?? null),
    ...(route.method === 'post' && route.body !== null ? [idempotencyKey] : []),
  ];
  return {
    operationId: name,
    summary: route.summary,
    tags: [route.tag],
    ...(asksToken && route.isPublic && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body !== null && {
      requestBody: { required: true, content: { 'application/json': { schema: reference(route.body) } } },
    }),
    responses: { ...answersOf(route), ...problemsOf(route, asksToken) },
  };
}

const idempotencyKey: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'The same key and body: the same order; the same key and another body: 422 idempotency_conflict',
  schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
};

function parametersOf(place: 'path' | 'query' | 'header', schema: z.ZodObject | null): Json[] {
  if (schema === null) return [];
  const { properties = {}, required = [] } = jsonSchema(schema);
  const byName = properties as Json; // what JSON Schema's `properties` is
  return Object.entries(byName).map(([name, property]) => {
    const { description, ...rest } = property as { description?: string }; // a JSON schema; never a bare boolean here
    return {
      name,
      in: place,
      required: (required as string[]).includes(name), // what JSON Schema's `required` is
      ...(description !== undefined && { description }),
      schema: rest,
    };
  });
}

function answersOf({ answers }: Route): Json {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema, contentType, headers }]: [string, RouteAnswer]) => [
      status,
      {
        description,
        ...(headers !== undefined && { headers: headersOf(headers) }),
        ...(schema !== null && { content: { 'application/json': { schema: reference(schema) } } }),
        ...(contentType !== undefined && { content: { [contentType]: {} } }),
      },
    ]),
  );
}

function problemsOf({ isPublic, body, errors, answers }: Route, asksToken: boolean): Json {
  const codes: ErrorCode[] = [
    'request_invalid',
    ...(body === null ? [] : (['too_large'] as const)),
    ...(isPublic ? [] : (['timeout'] as const)),
    ...(asksToken ? [] : (['forbidden'] as const)),
    ...(asksToken && !isPublic ? (['unauthenticated'] as const) : []),
    ...errors,
    ...everywhere,
  ];
  const statuses = new Set(codes.map((code) => statusOf[code]).filter((status) => !(status in answers)));
  return Object.fromEntries(
    [...statuses].map((status) => [
      status,
      {
        description: [...new Set(codes)].filter((code) => statusOf[code] === status).join(', '),
        ...((status === 429 || status === 503) && { headers: headersOf({ 'Retry-After': 'Seconds' }) }),
        content: { 'application/problem+json': { schema: reference(problemSchema) } },
      },
    ]),
  );
}

function headersOf(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]),
  );
}

function reference(schema: z.ZodType): Json {
  const name = Object.keys(bodies).find((known) => bodies[known] === schema);
  if (name === undefined) throw new Error('a body of the route table has no name in the document');
  return { $ref: `#/components/schemas/${name}` };
}

function componentSchemas(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(bodies)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    ...jsonSchemaOptions,
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]));
}

/** Where the document's bodies have an `extension`, and which of a plugin's schemas that is. */
const extensions = {
  OrderRequest: 'order',
  PlacedOrder: 'placed',
  RedemptionRequest: 'redemption',
  SecretRequest: 'redemption',
  Secret: 'redeemed',
} as const;

/** Bodies with the `extension` of any of the plugins, each plugin's under a name of its own. */
function withPlugins(schemas: Json, plugins: readonly DescribedPlugin[]): Json {
  if (plugins.length === 0) return schemas;
  const own = plugins.flatMap(({ name, schemas: texts }) =>
    Object.entries(texts).map(([of, text]) => {
      const schema = JSON.parse(text) as Json; // as its role made it
      return [pluginSchemaName(name, of), schema] as const;
    }),
  );
  const bodiesWithPlugins = Object.entries(extensions).map(([body, of]) => {
    const { properties, ...schema } = schemas[body] as { properties: Json }; // a body of ours is an object
    const anyOf = plugins.map(({ name }) => ({ $ref: `#/components/schemas/${pluginSchemaName(name, of)}` }));
    const description = `By plugin: ${plugins.map(({ name }) => name).join(', ')}`;
    const plugin = { type: 'string', enum: plugins.map(({ name }) => name), default: plugins[0]?.name };
    const named = body === 'OrderRequest' ? { plugin } : {};
    return [body, { ...schema, properties: { ...properties, ...named, extension: { description, anyOf } } }] as const;
  });
  return { ...schemas, ...Object.fromEntries([...bodiesWithPlugins, ...own]) };
}

function pluginSchemaName(plugin: string, of: string): string {
  return `plugin.${plugin}.${of}`;
}

function jsonSchema(schema: z.ZodType): Json {
  return z.toJSONSchema(schema, jsonSchemaOptions);
}

/** The wire's side of codecs; of times their format alone, without Zod's long pattern. */
const jsonSchemaOptions = {
  io: 'input',
  unrepresentable: 'any',
  override: ({ jsonSchema: made }: { jsonSchema: { format?: string; pattern?: string } }) => {
    if (made.format === 'date-time') delete made.pattern;
  },
} as const;
