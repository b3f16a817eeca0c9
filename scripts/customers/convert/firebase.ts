import { readFileSync } from 'node:fs'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { readUsers } from './export.ts'
import { type Converted, type System, toPhcBase64, toRecord } from './system.ts'

const Text = Type.String()
const User = Type.Object({
  localId: Text,
  email: Type.Optional(Text),
  emailVerified: Type.Optional(Type.Boolean()),
  phoneNumber: Type.Optional(Text),
  passwordHash: Type.Optional(Text),
  salt: Type.Optional(Text),
})
const Parameters = Type.Object({
  base64_signer_key: Text,
  base64_salt_separator: Text,
  rounds: Type.Integer({ minimum: 1, maximum: 8 }),
  mem_cost: Type.Integer({ minimum: 1, maximum: 14 }),
})

const readJson = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** @throws Error that says what is wrong with the file */
const readParameters = (path: string | undefined): Static<typeof Parameters> => {
  const hint = 'a JSON file with base64_signer_key, base64_salt_separator, rounds and mem_cost, as Firebase shows them'
  if (path === undefined) throw new Error(`--parameters is missing: ${hint}.`)
  const parameters = readJson(path)
  if (!Value.Check(Parameters, parameters)) throw new Error(`${path}: must be ${hint}.`)
  return parameters
}

/** `firebase auth:export FILE --format=JSON`, with the project's hash parameters, which contain its signer key. */
export const createFirebase = (parametersPath: string | undefined): System => {
  const { base64_signer_key, base64_salt_separator, rounds, mem_cost } = readParameters(parametersPath)
  const secrets = `ss=${toPhcBase64(base64_salt_separator)},sk=${toPhcBase64(base64_signer_key)}`
  const prefix = `$fbscrypt$v=1,n=${mem_cost},r=${rounds},p=1,${secrets}`
  return {
    read: readUsers,
    convert(value): Converted {
      const { localId, email, emailVerified = false, phoneNumber, passwordHash, salt } = Value.Parse(User, value)
      const hash = passwordHash && salt ? `${prefix}$${toPhcBase64(salt)}$${toPhcBase64(passwordHash)}` : undefined
      const record = toRecord(
        localId,
        [
          { value: email, verified: emailVerified },
          // Firebase keeps only phone numbers that were confirmed by a code.
          { value: phoneNumber, verified: true },
        ],
        { passwordHash: hash },
      )
      return hash ? { record } : { record, withoutPassword: 'no password' }
    },
  }
}
