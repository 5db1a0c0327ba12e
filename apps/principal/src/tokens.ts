/** Injects the principal's `PrincipalOptions`. */
export const OPTIONS = Symbol('options');
