import { routes, type Route } from '@dta/contracts/rest';
import type { Request } from 'express';
import { Refusal } from '../problem.js';
import type { Check } from './middleware.js';

const table = Object.values<Route>(routes).map(({ method, path, body }) => ({
  methods: method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
  takesBody: body !== null,
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  isLiteral: !path.includes('{'),
}));

/** Refuses a method that a path of the table doesn't take, before a body is read. Paths that aren't in it go on. */
export const takenMethod: Check = (request) => {
  const methods = methodsOf(request.path);
  if (methods.length === 0 || methods.includes(request.method)) return;
  const allow = methods.join(', ');
  throw new Refusal('request_invalid', `this path takes ${allow}`, { status: 405, headers: { Allow: allow } });
};

/** Whether a route of the table reads what such a request sends: no other body is read. */
export function takesBody({ method, path }: Request): boolean {
  return routesAt(path).some((route) => route.takesBody && route.methods.includes(method));
}

function methodsOf(path: string): string[] {
  return routesAt(path).flatMap(({ methods }) => methods);
}

/** At `/v1/order/secret` those of that path alone: it is no `{orderReference}`. */
function routesAt(path: string): typeof table {
  const found = table.filter(({ pattern }) => pattern.test(path));
  const literal = found.filter(({ isLiteral }) => isLiteral);
  return literal.length > 0 ? literal : found;
}
