import {
  applyDecorators,
  createParamDecorator,
  Get,
  Post,
  SetMetadata,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { routes, type AnswerOf, type InputOf, type Route as RouteEntry, type RouteName } from '@dta/contracts/rest';
import type { Request, Response } from 'express';
import { map, type Observable } from 'rxjs';
import { z } from 'zod';
import { Refusal } from '../problem.js';
import { contextOf } from '../request-context.js';

/** A route's input and answers, by its name in the table. */
export type Input<N extends RouteName> = InputOf<(typeof routes)[N]>;
export type Answer<N extends RouteName> = AnswerOf<(typeof routes)[N]>;

const routeKey = 'dta:route';
const maxFaults = 50;
const noQuery = z.strictObject({});

/** Serves a route of the table: its method gives the {@link Answer}, which is encoded by the table's schema. */
export function Route(name: RouteName): MethodDecorator {
  const { method, path }: RouteEntry = routes[name];
  const express = path.replaceAll(/\{(\w+)\}/g, ':$1');
  return applyDecorators(SetMetadata(routeKey, name), method === 'get' ? Get(express) : Post(express));
}

/** The validated input of the route that the method serves. */
export const Validated = createParamDecorator((name: RouteName, context: ExecutionContext) =>
  readInput(routes[name], context.switchToHttp().getRequest<Request>()),
);

/** The request's {@link RequestContext}. */
export const Context = createParamDecorator((_: unknown, context: ExecutionContext) =>
  contextOf(context.switchToHttp().getRequest<Request>()),
);

/** @throws Refusal `request_invalid` with every fault */
function readInput(
  route: RouteEntry,
  request: Request,
): { params: unknown; query: unknown; body: unknown; headers: unknown } {
  const errors: { path: string; message: string }[] = [];
  const key = request.get('Idempotency-Key');
  if (key !== undefined && !/^[\x21-\x7e]{1,255}$/.test(key)) {
    errors.push({ path: 'Idempotency-Key', message: 'must be 1 to 255 printable ASCII characters' });
  }
  if (route.body !== null && request.body === undefined) errors.push({ path: 'body', message: 'is missing' });
  const read = (schema: z.ZodType | null, value: unknown) => {
    if (schema === null) return null;
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    errors.push(...result.error.issues.flatMap(faultsOf));
    return null;
  };
  const input = {
    params: read(route.params, request.params),
    query: read(route.query ?? noQuery, request.query),
    body: request.body === undefined ? null : read(route.body, request.body),
    headers: read(route.headers ?? null, headersOf(route, request)),
  };
  if (errors.length > 0) {
    const count = errors.length === 1 ? 'one fault' : `${errors.length} faults`;
    throw new Refusal('request_invalid', `the request has ${count}`, {
      members: { errors: errors.slice(0, maxFaults) },
    });
  }
  return input;
}

/** Those that the route reads, by the names that it gives them. */
function headersOf({ headers }: RouteEntry, request: Request): Record<string, string | undefined> {
  return Object.fromEntries(Object.keys(headers?.shape ?? {}).map((name) => [name, request.get(name)]));
}

/** One fault a field; of a field that isn't known its name, never its value. */
function faultsOf(issue: z.core.$ZodIssue): { path: string; message: string }[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), message: issue.message }];
  return issue.keys.map((key) => ({ path: [...path, key.slice(0, 64)].join('.'), message: 'is not a known field' }));
}

interface AnyAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Sends what a route's method answered, encoded by the table's schema: bytes as hex, times as the table says. A method that
 * gives nothing has answered by itself.
 */
export class AnswerInterceptor implements NestInterceptor<AnyAnswer | undefined, unknown> {
  intercept(context: ExecutionContext, next: CallHandler<AnyAnswer | undefined>): Observable<unknown> {
    const name = Reflect.getMetadata(routeKey, context.getHandler()) as RouteName; // set by Route above
    const { answers }: RouteEntry = routes[name];
    const response = context.switchToHttp().getResponse<Response>();
    return next.handle().pipe(
      map((answer) => {
        if (answer === undefined) return undefined;
        const { status, body, headers = {} } = answer;
        const schema = answers[status]?.schema ?? null;
        const encoded = schema === null ? body : z.encode(schema, body);
        response.locals['orderReference'] = orderOf(body); // for the log
        response.status(status).set(headers).type('application/json');
        return encoded;
      }),
    );
  }
}

function orderOf(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'orderReference' in body ? body.orderReference : undefined;
}
