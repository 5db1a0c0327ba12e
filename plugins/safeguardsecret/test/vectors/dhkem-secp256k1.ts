// draft-wahby-cfrg-hpke-kem-secp256k1, Appendix B.3.1: DHKEM(secp256k1, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, base
// mode. What is of the KEM doesn't depend on the AEAD.

/** One vector, all in hex. */
export interface KemVector {
  readonly info: string;
  readonly ikmE: string;
  readonly skEm: string;
  readonly pkEm: string;
  readonly ikmR: string;
  readonly skRm: string;
  readonly pkRm: string;
  readonly sharedSecret: string;
  readonly key: string;
  readonly baseNonce: string;
}

export const kemVectors: readonly KemVector[] = [
  {
    info: '609dcb9844f8412343191f93add1177186c03a36',
    ikmE: '77caf1617fb3723972a56cd2085081c9f66baae825ce5f363c0a86ec87013fa0',
    skEm: '1300156862599d00ecbb066644bf4d4505b56a9b235eae7a8632defc4335d5c0',
    pkEm: '0471788be0ccf916302c4f2225bba89a0ff3832df1fe50b48d8ccb910be74e30241428ba6de731ccf538ded2913febdfe14b2648fafb8fdd35b8aa91804c706076',
    ikmR: '71b530bed75fc3fa2f8e8bb163203e6ee676565cc61cd59d66352676341c0688',
    skRm: '4a99cf59fb6af25c324299a39fef2db3931667ee89528e3aacc8b61d591ad643',
    pkRm: '04e660b55a28899c472ca023dce35f23da3cf16677dbdce9ed25353bd8b70cbb8bee0abd2cc8936aee263a08d5b2a15d29a16d12b75fda63b9c614c477af165e2d',
    sharedSecret: 'a81a3ccf56f48c699eb9f393e0701692836f9ac2e06b493ccbf99ac68a792bbe',
    key: '4c260fe82e8c3737e7a70c3223cb16fc205682255389ad4bc3e7fae42c46b062',
    baseNonce: 'e035bbf3c39ff5a7196cfe84',
  },
];
