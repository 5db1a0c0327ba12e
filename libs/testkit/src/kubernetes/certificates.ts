import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** OpenSSL's, for a key of P-256. */
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const DAYS = '2';

/** A certificate and its key, by path. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Who a certificate is for: Kubernetes reads a user's name and groups from it. */
export interface Subject {
  readonly name: string;
  readonly group?: string;
  /** Names and addresses that a server is asked by: `DNS:…`, `IP:…`. */
  readonly hosts?: readonly string[];
}

/** Issues certificates of one cluster. */
export interface Authority extends Certificate {
  /** @param file begins the names of its files */
  issue(file: string, subject: Subject): Promise<Certificate>;
}

/** Makes an authority whose files are in `folder`; none of its keys is worth anything after the test. */
export async function makeAuthority(folder: string): Promise<Authority> {
  const files = (file: string) => ({ certificate: join(folder, `${file}.crt`), key: join(folder, `${file}.key`) });
  const own = files('ca');
  const out = ({ key, certificate }: Certificate) => ['-keyout', key, '-out', certificate];
  await run('openssl', ['req', '-x509', ...newKey, ...out(own), '-subj', '/CN=test-ca', '-days', DAYS]);
  return {
    ...own,
    issue: async (file, { name, group, hosts = [] }) => {
      const [request, extensions, issued] = [join(folder, `${file}.csr`), join(folder, `${file}.ext`), files(file)];
      const names = hosts.length > 0 ? `subjectAltName=${hosts.join(',')}\n` : '';
      await writeFile(extensions, `${names}extendedKeyUsage=serverAuth,clientAuth\n`);
      const subject = `${group === undefined ? '' : `/O=${group}`}/CN=${name}`;
      await run('openssl', ['req', ...newKey, '-keyout', issued.key, '-out', request, '-subj', subject]);
      const signed = ['-CA', own.certificate, '-CAkey', own.key, '-CAcreateserial', '-days', DAYS];
      const from = ['-in', request, '-out', issued.certificate, '-extfile', extensions];
      await run('openssl', ['x509', '-req', ...from, ...signed]);
      return issued;
    },
  };
}

/** Makes a key that signs, and the public one beside it: for tokens of service accounts. */
export async function makeSigningKey(folder: string): Promise<{ readonly key: string; readonly publicKey: string }> {
  const pair = { key: join(folder, 'tokens.key'), publicKey: join(folder, 'tokens.pub') };
  await run('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', pair.key]);
  await run('openssl', ['ec', '-in', pair.key, '-pubout', '-out', pair.publicKey]);
  return pair;
}
