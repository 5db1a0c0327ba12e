import type { NextFunction, Request, Response } from 'express';

/** A step of the front door: throws to refuse, returns to let on. */
export type Check = (request: Request, response: Response) => void;

/** Express's form of a check. */
export function middleware(check: Check): (request: Request, response: Response, next: NextFunction) => void {
  return (request, response, next) => {
    try {
      check(request, response);
    } catch (error) {
      next(error);
      return;
    }
    next();
  };
}
