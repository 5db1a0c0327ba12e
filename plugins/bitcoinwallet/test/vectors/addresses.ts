import type { Wallet } from '../../src/wallet.js';

/** A public key [hex, 33 bytes] whose address others have published. */
export interface AddressVector {
  readonly from: string;
  readonly wallet: Wallet;
  readonly publicKey: string;
  readonly address: string;
}

const bip84 = 'BIP-84, "Test vectors"';
const bip86 = 'BIP-86, "Test vectors" (internal keys, to which the sign byte 02 is added here)';
const bip173 = 'BIP-173, "Examples": the P2WPKH addresses of the generator point';
const bip44 = "bip_utils, tests/bip/bip44: first addresses of the mnemonic 'abandon … about', m/44'/0' and m/44'/1'";
const milagro = 'Apache Milagro D-TA, pkg/bitcoinplugin/coin_test.go (the key is uncompressed there)';
const generator = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
const milagroKey = '0387dbf8d88a860270ab7d689eb44c2dfff768d2f7851a753facf356978b82ce4a';

export const addressVectors: readonly AddressVector[] = [
  {
    from: bip84,
    wallet: { coin: '0', addressType: 'p2wpkh' },
    publicKey: '0330d54fd0dd420a6e5f8d3624f5f3482cae350f79d5f0753bf5beef9c2d91af3c',
    address: 'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu',
  },
  {
    from: bip84,
    wallet: { coin: '0', addressType: 'p2wpkh' },
    publicKey: '03e775fd51f0dfb8cd865d9ff1cca2a158cf651fe997fdc9fee9c1d3b5e995ea77',
    address: 'bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g',
  },
  {
    from: bip84,
    wallet: { coin: '0', addressType: 'p2wpkh' },
    publicKey: '03025324888e429ab8e3dbaf1f7802648b9cd01e9b418485c5fa4c1b9b5700e1a6',
    address: 'bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el',
  },
  {
    from: bip173,
    wallet: { coin: '0', addressType: 'p2wpkh' },
    publicKey: generator,
    address: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
  },
  {
    from: bip173,
    wallet: { coin: '1', addressType: 'p2wpkh' },
    publicKey: generator,
    address: 'tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx',
  },
  {
    from: bip86,
    wallet: { coin: '0', addressType: 'p2tr' },
    publicKey: '02cc8a4bc64d897bddc5fbc2f670f7a8ba0b386779106cf1223c6fc5d7cd6fc115',
    address: 'bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr',
  },
  {
    from: bip86,
    wallet: { coin: '0', addressType: 'p2tr' },
    publicKey: '0283dfe85a3151d2517290da461fe2815591ef69f2b18a2ce63f01697a8b313145',
    address: 'bc1p4qhjn9zdvkux4e44uhx8tc55attvtyu358kutcqkudyccelu0was9fqzwh',
  },
  {
    from: bip86,
    wallet: { coin: '0', addressType: 'p2tr' },
    publicKey: '02399f1b2f4393f29a18c937859c5dd8a77350103157eb880f02e8c08214277cef',
    address: 'bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7',
  },
  {
    from: milagro,
    wallet: { coin: '0', addressType: 'p2pkh' },
    publicKey: milagroKey,
    address: '1MwiNcg3v19BLeawNJKL8L18m4Tzmtua5T',
  },
  {
    from: milagro,
    wallet: { coin: '1', addressType: 'p2pkh' },
    publicKey: milagroKey,
    address: 'n2Tfffm2j2aS7m4Z5sHhxFDTd44hfnDhPz',
  },
  {
    from: bip44,
    wallet: { coin: '0', addressType: 'p2pkh-compressed' },
    publicKey: '03aaeb52dd7494c361049de67cc680e83ebcbbbdbeb13637d92cd845f70308af5e',
    address: '1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA',
  },
  {
    from: bip44,
    wallet: { coin: '1', addressType: 'p2pkh-compressed' },
    publicKey: '02a7451395735369f2ecdfc829c0f774e88ef1303dfe5b2f04dbaab30a535dfdd6',
    address: 'mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV',
  },
  {
    from: 'learnmeabitcoin.com, "Public Key Hash"',
    wallet: { coin: '0', addressType: 'p2pkh-compressed' },
    publicKey: '02b4632d08485ff1df2db55b9dafd23347d1c47a457072a1e87be26896549a8737',
    address: '1EUXSxuUVy2PC5enGXR1a3yxbEjNWMHuem',
  },
  {
    from: 'bip_utils, tests/bip/bip86/test_bip86.py: first address of the test network',
    wallet: { coin: '1', addressType: 'p2tr' },
    publicKey: '0255355ca83c973f1d97ce0e3843c85d78905af16b4dc531bc488e57212d230116',
    address: 'tb1p8wpt9v4frpf3tkn0srd97pksgsxc5hs52lafxwru9kgeephvs7rqlqt9zj',
  },
];

/** A private key [hex] in wallet import format, and the public key [hex, 33 bytes] where it is published with it. */
export interface WifVector {
  readonly from: string;
  readonly wallet: Wallet;
  readonly secret: string;
  readonly wif: string;
}

const core = 'Bitcoin Core, src/test/data/key_io_valid.json';

export const wifVectors: readonly WifVector[] = [
  {
    from: core,
    wallet: { coin: '0', addressType: 'p2wpkh' },
    secret: 'ff778740f88ddcf102aeb81daee289c044c4a4571c4b6f287400f4b8e0b843f8',
    wif: 'L5nJeqKmpHp4P7F8ZYyjwc5a7P4d8EabuGAzfGJk7yC1BJyzNaEd',
  },
  {
    from: core,
    wallet: { coin: '0', addressType: 'p2tr' },
    secret: '147804bf8a0dfff35939a611c7f5a60ac107f33f33d6059f273d2079ab1d90f2',
    wif: 'KwuVvu6hsuEMHrfFWJQV64tRrWX3QzqHH18JuAHYqYV6dqBvNKxd',
  },
  {
    from: core,
    wallet: { coin: '0', addressType: 'p2pkh' },
    secret: '8f8943bf956de595665c38ffff23827e17c10cdc1c27a028caae6c9810626198',
    wif: '5JuW2AMDYu4xVwRG9DZW18VbzQrGcd5RCgb99sS6ehJsNQXu5b9',
  },
  {
    from: core,
    wallet: { coin: '1', addressType: 'p2pkh-compressed' },
    secret: 'e0fcd4ce4e3d0e3de091f21415bb7cd011fac288c42020a879f28c2a4387df9b',
    wif: 'cV83kKisF3RQSvXbUCm9ox3kaz5JjEUBWcx8tNydfGJcyeUxuH47',
  },
  {
    from: core,
    wallet: { coin: '1', addressType: 'p2pkh' },
    secret: '80c32d81e91bdea04cd7a3819b32275fc3298af4c7ec87eb0099527d041ced5c',
    wif: '92ZdE5HoLafywnTBbzPxbvRmp75pSfzvdU3XaZGh1cToipgdHVh',
  },
];
