// Fixtures of IPLD, https://github.com/ipld/codec-fixtures (Apache-2.0 or MIT), commit
// bf8ab059714b70e03c9ff7f1a49edef7fcdf47c1: name, bytes of fixtures/<name>/<CID>.dag-cbor, CID. A CID of each file's name is that of
// its bytes.
type Fixture = readonly [name: string, hex: string, cid: string];

/** Blocks that we read and write as well. */
export const fixtures: readonly Fixture[] = [
  ['array-empty', '80', 'bafyreidwx2fvfdiaox32v2mnn6sxu3j4qoxeqcuenhtgrv5qv6litfnmoe'],
  [
    'array-5-nested',
    '8265617272617982626f66820582666e657374656482666172726179736121',
    'bafyreihmxfmn5wcpzpiqa6zfefgabxmd2jzr2bd4y2v7c2ss4plkgkabgq',
  ],
  [
    'array-mixed',
    '8c1b0016db6db6db6db71a000100001901f40200202238ff3aa5f702b33b0016db6db6db6db74261316fc48c6175657320c39f76c49b746521',
    'bafyreidufmzzejc3p7gmh6ivp4fjvca5jfazk57nu6vdkvki4c4vpja724',
  ],
  ['bytes-empty', '40', 'bafyreigdmqpykrgxyaxtlafqpqhzrb7qy2rh75nldvfd4kok6gl47quzvy'],
  ['bytes-a1', '41a1', 'bafyreidfn5bivgcww7slkgp7f5iiukoggxr542m4pzl3zn3oia7ozt7ffe'],
  ['false', 'f4', 'bafyreibac77tiyjzkzzkucve6zejj7jpswslcihcnehisulfnv423qxo2i'],
  ['true', 'f5', 'bafyreibhvppn37ufanewvxvwendgzksh3jpwhk6sxrx2dh3m7s3t5t7noa'],
  ['null', 'f6', 'bafyreifqwkmiw256ojf2zws6tzjeonw6bpd5vza4i22ccpcq4hjv2ts7cm'],
  ['int-0', '00', 'bafyreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu'],
  ['int--1', '20', 'bafyreibwvht7dsk3ql73tf2d4dc4jtuv3a6juqykvrm7qtxtzp5lmfcqna'],
  ['int-255', '18ff', 'bafyreih4vluto2froiw457akazzjhcfm7y22juemxx6jsyyjufp227tcv4'],
  ['int-65536', '1a00010000', 'bafyreibjfaasdb7qgrdnd2pmg7noltevqzswyif5nyup6sktdanzgpft6a'],
  ['int--256', '38ff', 'bafyreigdjo5suzljxlmtuj4eoohou6vadwznc4kkdfd4xsarc5sycz76oy'],
  ['int-9007199254740991', '1b001fffffffffffff', 'bafyreiau6uboriydiauixhnjr3kv3hzdbsfjf3uggnqzrx3ndnhcpdz5dy'],
  ['int--9007199254740991', '3b001ffffffffffffe', 'bafyreifyx757rmvmwx42wig6lkhgpe2hikvsfu5d7ru55fyhugqoq2leii'],
  ['int-18446744073709551615', '1bffffffffffffffff', 'bafyreibnpsyje7iwfx3smzlnofkxqdyeqz3a4qzhwu33ktibq7sxeckrpq'],
  ['int--11959030306112471732', '3ba5f702b3a5f702b3', 'bafyreieir43khjzemsmgahaozab2vjvtdxavszixhhurvdqg2xkhrwinyi'],
  ['map-empty', 'a0', 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua'],
  ['map-1_pair', 'a1616101', 'bafyreihltcnuuyqp2jm24aqydpnlj7b6w3ogwrplomrjtg5rifv44mmjey'],
  [
    'map-keysort',
    'a9616601626565026364646403646363636304656262626262056661616161616106666161616161620766616161616163086661616161626209',
    'bafyreifzcy56s5jog3scrc7c3rlaohrwu3recxgf5c7fddfjlnlhh6p6p4',
  ],
  [
    'map-nested',
    'a1666f626a656374a16477697468a26134666e6573746564676f626a65637473a161216121',
    'bafyreib7zq4mhl7fwtmftjn7d7mmlwf6gi32vimlsjkn25w2e5xlhz2deu',
  ],
  [
    'map-with_complex_entries',
    'ae636f6e651b0016db6db6db6db763736978206374656e3b0016db6db6db6db76374776f1a0001000064666976650064666f757202646e696e653aa5f702b365656967687438ff65736576656e226574687265651901f466656c6576656e426131667477656c76656fc48c6175657320c39f76c49b74652168666f75727465656ea4616664666f7572616f016174026274680368746869727465656e840203046466697665',
    'bafyreia3jgnpn6w3wpvdc7qlyv7rkqjmxrrdaqohtgmwwje5mbpcef6hkq',
  ],
  ['string-a', '6161', 'bafyreiewdnw5h3pdzohmxkwl22g6aqgnpdvs5vmiseymz22mjeti5jgvay'],
  ['string-empty', '60', 'bafyreiengp2sbi6ez34a2jctv34bwyjl7yoliteleaswgcwtqzrhmpyt2m'],
  ['string-水', '63e6b0b4', 'bafyreib4565nbj4j6mklcrwjqgdv3uw4i6fr5dqb4dpqcqtsgrzeyg7hmm'],
  ['string-𐅑', '64f0908591', 'bafyreihgpl6u5kyypvntwaijdv7wxeiuugo6ruujt652eigmp27zarclam'],
];

/** Links to blocks of other codecs and hashes: DAG-CBOR has them, our documents don't. */
export const otherLinkFixtures: readonly Fixture[] = [
  [
    'cid-arrayof',
    '90d82a58250001711220785197229dc8bb1152945da58e2348f7e279eeded06cc2ca736d0e879858b501d82a582500017012207252523e6591fb8fe553d67ff55a86f84044b46a3e4176e10c58fa529a4aabd5d82a58190001781114c876ceeaa8b30123bc5fc99359e682a737308659d82a58230012208ab7a6c5e74737878ac73863cb76739d15d4666de44e5756bf55a2f9e9ab5f44d82a582300122022ad631c69ee983095b5b8acd029ff94aff1dc6c48837878589a92b90dfea317d82a582300122031c3d57080d8463a3c63b2923df5a1d40ad7a73eae5a14af584213e5f504ac33d82a5825000155122081cc5b17018674b401b42f35ba07bb79e211239c23bffe658da1577e3e646877d82a5826000185011220fee347e160f04149130aff63259712dca7aec9ecff70a3d4d4942b5d64b09d05d82a58250001551220b6fbd675f98e2abd22d4ed29fdc83150fedc48597e92dd1a7a24381d44a27451d82a5825000171122069ea0740f9807a28f4d932c62e7c1c83be055e55072c90266ab3e79df63a365bd82a5825000171122089556551c3926679cc52c72e182a5619056a4727409ee93a26d05ad727ca11f4d82a58260001c001562008ce3d9731b000c08338455c8a4a6bd05da16e26b11daa1b917184ece80f0400d82a58260001c0015620960143fe2c5e22cc0bf0cd5534d7f7f4347f4e75223d07379b9af71400000000d82a58260001b1015620c3f2244dfb3c833c62e72e05b7fd1bd6bcba2d6cd455984a1059db7a4bf38348d82a58260001b00156201b7c39197e95b49b38ff96c7bf9e1db4a9f36b5698ecd6000000000000000000d82a4a00015500050001020304',
    'bafyreidhjbzws7yyooefukqt4xvbrctkz5pj5c7dnhdea6nepemymhkccm',
  ],
];

/** Floats: DAG-CBOR has them, our documents don't. */
export const floatFixtures: readonly Fixture[] = [
  ['float-0.5', 'fb3fe0000000000000', 'bafyreifwqkffcpzsyfigri7xm2kaf6bz7si5stsnf46jep5w5we7ngmgma'],
  ['float--1e-323', 'fb8000000000000002', 'bafyreibg2jfpbjanaowwfpoamj2tjpo2ifhy5fbkln55b5mlhfiy747egq'],
  ['float-82497.63712086187', 'fb40f4241a31a5a515', 'bafyreibybbnywxrykhqdulrhywkofxds5tw5fye6geudy2us3pgw2ptgnm'],
];

/** negative-fixtures/dag-cbor/decode/duplicate-keys.json: duplicate map keys. */
export const duplicateKeys = 'a3636261720363666f6f0163666f6f02';
