export { errorCodes, type ErrorCode } from './codes.js';
export { DtaError, isDtaError, isErrorCode, toDtaError, type ErrorMetadata } from './dta-error.js';
