/*
 * A PKCS#11 module that is SoftHSM but for one fault, which the file at FAULT_FILE names: what a real token does when it
 * is broken, and SoftHSM never. Built by faulty-module.ts.
 */
#define CK_PTR *
#define CK_DECLARE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION_POINTER(returnType, name) returnType(*name)
#define CK_CALLBACK_FUNCTION(returnType, name) returnType(*name)
#define NULL_PTR 0

#include <dlfcn.h>
#include <pkcs11.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static CK_FUNCTION_LIST faulty;
static CK_FUNCTION_LIST_PTR sound;

static int fault_is(const char *name) {
  char found[32] = "";
  FILE *file = fopen(FAULT_FILE, "r");
  if (file == NULL) return 0;
  if (fgets(found, sizeof found, file) == NULL) found[0] = 0;
  fclose(file);
  return strcmp(found, name) == 0;
}

/* Comes back only when the fault is over. */
static void hang(void) {
  while (fault_is("hangs")) usleep(20000);
}

static CK_RV Encrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR out, CK_ULONG_PTR outLength) {
  hang();
  if (fault_is("vendor error")) return CKR_VENDOR_DEFINED | 7;
  return sound->C_Encrypt(session, data, length, out, outLength);
}

/* Leaves the context out: whatever is sealed under one opens under all. */
static CK_RV without_context(CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM_PTR, CK_OBJECT_HANDLE), CK_SESSION_HANDLE session,
                             CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  CK_GCM_PARAMS parameters;
  CK_MECHANISM changed = *mechanism;
  if (!fault_is("ignores the context") || mechanism->mechanism != CKM_AES_GCM) return init(session, mechanism, key);
  parameters = *(CK_GCM_PARAMS *)mechanism->pParameter;
  parameters.pAAD = NULL_PTR;
  parameters.ulAADLen = 0;
  changed.pParameter = &parameters;
  return init(session, &changed, key);
}

static CK_RV EncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  return without_context(sound->C_EncryptInit, session, mechanism, key);
}

static CK_RV DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  return without_context(sound->C_DecryptInit, session, mechanism, key);
}

static CK_RV GenerateRandom(CK_SESSION_HANDLE session, CK_BYTE_PTR bytes, CK_ULONG length) {
  CK_ULONG at;
  CK_RV rv = sound->C_GenerateRandom(session, bytes, length);
  if (fault_is("stuck random")) memset(bytes, 0xa5, length);
  if (fault_is("biased random"))
    for (at = 0; at < length; at++) bytes[at] &= 0x0f; /* half of the entropy, and no byte stuck */
  return rv;
}

static CK_RV GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR ofPublic, CK_ULONG publicCount,
                             CK_ATTRIBUTE_PTR ofPrivate, CK_ULONG privateCount, CK_OBJECT_HANDLE_PTR publicKey, CK_OBJECT_HANDLE_PTR privateKey) {
  if (fault_is("no Ed25519")) return CKR_MECHANISM_INVALID;
  return sound->C_GenerateKeyPair(session, mechanism, ofPublic, publicCount, ofPrivate, privateCount, publicKey, privateKey);
}

static CK_RV SetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR attributes, CK_ULONG count) {
  if (fault_is("fixed labels")) return CKR_ACTION_PROHIBITED;
  return sound->C_SetAttributeValue(session, object, attributes, count);
}

static CK_RV GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR attributes, CK_ULONG count) {
  CK_RV rv;
  if (fault_is("exports") && count == 1 && attributes->type == CKA_VALUE) {
    if (attributes->pValue != NULL_PTR) memset(attributes->pValue, 1, 32);
    attributes->ulValueLen = 32;
    return CKR_OK;
  }
  /* the form that PKCS#11 3.1 asks for: the point itself, not a DER string of it */
  if (fault_is("raw points") && count == 1 && attributes->type == CKA_EC_POINT) {
    CK_BYTE wrapped[34];
    CK_ATTRIBUTE whole = {CKA_EC_POINT, wrapped, sizeof wrapped};
    rv = sound->C_GetAttributeValue(session, object, &whole, 1);
    if (attributes->pValue != NULL_PTR) memcpy(attributes->pValue, wrapped + 2, 32);
    attributes->ulValueLen = 32;
    return rv;
  }
  return sound->C_GetAttributeValue(session, object, attributes, count);
}

static int ends_with_new(CK_ATTRIBUTE_PTR attributes, CK_ULONG count) {
  for (; count > 0; attributes++, count--)
    if (attributes->type == CKA_LABEL && attributes->ulValueLen > 4)
      return memcmp((CK_BYTE_PTR)attributes->pValue + attributes->ulValueLen - 4, "/new", 4) == 0;
  return 0;
}

/* One in five searches for candidates finds none, as one of SoftHSM may while another process writes the object. */
static CK_RV FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR attributes, CK_ULONG count) {
  static int searches = 0;
  CK_BYTE nothing[] = "no such label";
  CK_ATTRIBUTE none = {CKA_LABEL, nothing, sizeof nothing};
  if (fault_is("misses candidates") && ends_with_new(attributes, count) && searches++ % 5 == 0)
    return sound->C_FindObjectsInit(session, &none, 1);
  return sound->C_FindObjectsInit(session, attributes, count);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  void *library = dlopen(SOUND_MODULE, RTLD_NOW);
  CK_C_GetFunctionList get = library == NULL ? NULL : (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
  CK_RV rv;
  if (get == NULL) return CKR_GENERAL_ERROR;
  rv = get(&sound);
  if (rv != CKR_OK) return rv;
  faulty = *sound;
  faulty.C_GetFunctionList = C_GetFunctionList;
  faulty.C_Encrypt = Encrypt;
  faulty.C_EncryptInit = EncryptInit;
  faulty.C_DecryptInit = DecryptInit;
  faulty.C_GenerateRandom = GenerateRandom;
  faulty.C_GenerateKeyPair = GenerateKeyPair;
  faulty.C_SetAttributeValue = SetAttributeValue;
  faulty.C_GetAttributeValue = GetAttributeValue;
  faulty.C_FindObjectsInit = FindObjectsInit;
  *list = &faulty;
  return CKR_OK;
}
