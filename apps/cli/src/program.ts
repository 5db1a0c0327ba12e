import { DtaError } from '@dta/errors';
import { roles, type Role } from '@dta/identity';
import { Command, InvalidArgumentError, Option } from 'commander';
import { adminForks, type AdminForksOptions } from './commands/admin-forks.js';
import { adminGiveUp } from './commands/admin-give-up.js';
import { adminOrders, type AdminOrdersOptions } from './commands/admin-orders.js';
import { checkCustody } from './commands/check-custody.js';
import { createIdentity, type NewIdentityFiles } from './commands/create-identity.js';
import { decideFork, type DecidedForkFiles } from './commands/decide-fork.js';
import { migrate } from './commands/migrate.js';
import { revokeIdentity, type RevokedIdentityFiles } from './commands/revoke-identity.js';
import { rotateIdentity, type RotatedIdentityFiles } from './commands/rotate-identity.js';
import { runDemo } from './commands/run-demo.js';
import { showIdentity } from './commands/show-identity.js';
import { verifyLog, type VerifyLogOptions } from './commands/verify-log.js';

/** Where a node listens that was started with nothing but `npm start`. */
const DEFAULT_URL = 'http://localhost:5556';

/**
 * The commands of `dta`. What they find goes to standard output; what stops them is thrown, to be told in one sentence.
 *
 * @param environment where `migrate` and custody by PKCS#11 read their settings
 */
export function buildProgram(environment: Readonly<Record<string, string | undefined>>): Command {
  const program = new Command('dta').description('Runs and tries a decentralised trust authority.');
  const identity = program.command('identity').description('makes, shows, renews, recovers and ends identities');
  identity
    .command('create')
    .description("draws a node's keys, writes its key file and its Identity Document, prints its idDocumentCID")
    .requiredOption('--name <name>', 'what people call the node', readName)
    .requiredOption('--role <role>', `${roles.join(', ')}; again for a second one`, addRole)
    .requiredOption('--key-file <file>', 'the new key file, for the node alone')
    .requiredOption('--document <file>', 'the new Identity Document, for everyone')
    .addOption(bySoftware())
    .addOption(byToken())
    .addOption(byPassphrase())
    .addOption(signInToken())
    .option(
      '--recovery-key-file <file>',
      'a second key, which decides a fork, and can end the chain when the node is lost; keep it elsewhere',
    )
    .option('--recovery-passphrase-file <file>', 'the passphrase that it is sealed under')
    .option('--next-key-file <file>', 'keeps the signing key of the first rotation here, not in the key file')
    .option('--next-passphrase-file <file>', 'the passphrase that it is sealed under')
    .action(async (options: NewIdentityFiles) => say(await createIdentity(options, environment)));
  identity
    .command('rotate')
    .description('adds new keys to a key file, writes the document signed by old and new key, prints its idDocumentCID')
    .requiredOption('--key-file <file>', "the node's key file; the old keys stay in it")
    .requiredOption('--document <file>', 'the new Identity Document, for everyone')
    .option('--name <name>', 'what people call the node from now on', readName)
    .option('--next-key-file <file>', 'the file of the new signing key, where the key file does not have it')
    .option('--next-passphrase-file <file>', 'the passphrase that it is sealed under')
    .addOption(
      new Option(
        '--new-next-key-file <file>',
        'keeps the signing key of the next rotation here, under the same passphrase',
      ).conflicts('signInToken'),
    )
    .addOption(bySoftware())
    .addOption(byToken())
    .addOption(byPassphrase())
    .addOption(signInToken())
    .action(async (options: RotatedIdentityFiles) => say(await rotateIdentity(options, environment)));
  identity
    .command('revoke')
    .description('signs the end of a chain, by the newest key or the recovery key; prints the idDocumentCID it names')
    .requiredOption('--reason <text>', 'why, for everyone to read; up to 256 characters', readReason)
    .requiredOption('--revocation <file>', 'the new Revocation, for everyone')
    .option('--key-file <file>', 'the key file whose newest key signs')
    .addOption(bySoftware())
    .addOption(byToken())
    .addOption(byPassphrase())
    .addOption(
      new Option('--document <file>', "or: the chain's first Identity Document, whose recovery key signs").conflicts([
        'keyFile',
        'custodySoftware',
        'custodyPkcs11',
        'passphraseFile',
      ]),
    )
    .option('--recovery-key-file <file>', 'the file of the recovery key')
    .option('--recovery-passphrase-file <file>', 'the passphrase that it is sealed under')
    .action(async (options: RevokedIdentityFiles) => say(await revokeIdentity(options, environment)));
  identity
    .command('decide')
    .description('signs by the recovery key which of two successors goes on; prints the idDocumentCID it names')
    .requiredOption('--reason <text>', 'why, for everyone to read; up to 256 characters', readReason)
    .requiredOption('--decision <file>', 'the new Decision, for everyone')
    .requiredOption('--document <file>', "the chain's first Identity Document, which names the recovery key")
    .requiredOption('--keep <file>', 'the Identity Document that the chain goes on with')
    .option('--between <file>', 'a document between these two; again for each', addFile)
    .requiredOption('--recovery-key-file <file>', 'the file of the recovery key')
    .requiredOption('--recovery-passphrase-file <file>', 'the passphrase that it is sealed under')
    .action(async (options: DecidedForkFiles) => say(await decideFork(options)));
  identity
    .command('show')
    .description('checks an Identity Document and shows what it says')
    .argument('<document>', 'its file')
    .action(async (file: string) => say(await showIdentity(file)));
  program
    .command('custody')
    .description('looks after custody')
    .command('check')
    .description('tries all that custody needs of the token that CUSTODY_PKCS11_MODULE, _TOKEN and _PIN name')
    .option('--force', 'tries the PIN though the token has counted wrong ones: the next may lock it')
    .action(async (options: { force?: boolean }) => {
      const { table, fit } = await checkCustody(environment, options);
      say(table);
      if (!fit) throw new DtaError('custody_unavailable', 'do not trust this token with the keys of a node');
    });
  program
    .command('migrate')
    .description("brings a role's database (DATABASE_URL or DATABASE_URL_FILE) to this version's schema")
    .action(async () => say(await migrate(environment)));
  const admin = program.command('admin').description('looks at what a role has, by its database, or decides about it');
  admin
    .command('forks')
    .description(
      "shows the forks of admitted chains that a role's database (DATABASE_URL or DATABASE_URL_FILE) has, or ends one there",
    )
    .option('--follow <idDocumentCID>', 'instead: the chain goes on with this document, at this role')
    .option('--json', 'for programs')
    .action(async (options: AdminForksOptions) => say(await adminForks(environment, options)));
  admin
    .command('orders')
    .description(
      "how many orders a role's database (DATABASE_URL or DATABASE_URL_FILE) has of each state; it writes nothing",
    )
    .option('--stuck', 'instead: those that wait, for whom, how often they were tried, and when they are tried again')
    .option('--json', 'for programs')
    .action(async (options: AdminOrdersOptions) => say(await adminOrders(environment, options)));
  admin
    .command('give-up-orders')
    .description(
      "where a role's custody is lost for good: deletes what it sealed and gives up all orders in the role's database, for ever",
    )
    .requiredOption('--custody-is-lost', 'that it is: what this deletes can not be had back')
    .action(async () => say(await adminGiveUp(environment)));
  program
    .command('verify-log')
    .description(
      'checks the logs of roles out of the document store, without a key; ends with 2 where one is not sound',
    )
    .addOption(
      new Option('--url <url>', 'ask this node for the heads of its roles').default(DEFAULT_URL).conflicts('head'),
    )
    .option('--token-file <file>', 'the bearer token of a node that asks for one')
    .option('--head <cid>', 'or begin at this segment')
    .addOption(new Option('--role <role>', 'only the log of this role').choices(roles))
    .option('--node <cid>', 'only the log of this identity: any idDocumentCID of its chain')
    .option('--kubo <url>', 'the document store: RPC of a Kubo node, of any operator of the swarm')
    .addOption(
      new Option('--kubo-file <file>', 'or a file that holds its address, with user and password').conflicts('kubo'),
    )
    .addOption(
      new Option('--folder <folder>', "or the folder of a standalone node's log").conflicts(['kubo', 'kuboFile']),
    )
    .option('--seen <file>', 'remember the heads in this file, and hold those of the next time against them')
    .action(async (options: VerifyLogOptions) => {
      process.exitCode = (await verifyLog(options, say)) ? 0 : 2;
    });
  program
    .command('demo')
    .description('orders a key and redeems it, explaining each step')
    .option('--url <url>', 'the node to use; where none answers, one is started for the demo', DEFAULT_URL)
    .option('--token-file <file>', 'the bearer token of a node that asks for one')
    .action((options: { url: string; tokenFile?: string }) => runDemo(options, say));
  return program;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What an Identity Document takes for a name. */
function readName(text: string): string {
  if (text === '' || text.length > 128) throw new InvalidArgumentError('A name has 1 to 128 characters.');
  return text;
}

function readReason(text: string): string {
  if (text.length > 256) throw new InvalidArgumentError('A reason has at most 256 characters.');
  return text;
}

function bySoftware(): Option {
  return new Option('--custody-software <file>', "the key file is sealed by the node's software custody").conflicts(
    'passphraseFile',
  );
}

function byToken(): Option {
  const names = 'or by the token that CUSTODY_PKCS11_MODULE, _TOKEN and _PIN name';
  return new Option('--custody-pkcs11', names).conflicts(['custodySoftware', 'passphraseFile']);
}

function byPassphrase(): Option {
  return new Option('--passphrase-file <file>', 'or under the passphrase in this file');
}

function signInToken(): Option {
  const what = 'with --custody-pkcs11: new signing keys are made in the token too, and never leave it';
  return new Option('--sign-in-token', what);
}

function addFile(file: string, before: readonly string[] = []): string[] {
  return [...before, file];
}

function addRole(text: string, before: readonly Role[] = []): Role[] {
  const role = roles.find((name) => name === text);
  if (role === undefined) throw new InvalidArgumentError(`A role is one of ${roles.join(', ')}.`);
  return [...before, role];
}
