import type { Keys } from '@rekey/platform/keys'
import { seal, unseal } from '@rekey/platform/seal'

/** The factor that a secret belongs to: with another id or customer it cannot be opened. */
export interface SecretOwner {
  id: string
  customerId: number
}

/** A factor's secret as Postgres has it (S29, S52). */
export interface StoredSecret {
  sealedSecret: string
  /** Id of the key that sealed it; empty for a key without an id. */
  sealKeyId: string
}

const contextOf = ({ id, customerId }: SecretOwner) => `factor ${id} of ${customerId}`

/** The id that the current key has in Postgres. */
export const currentKeyId = ({ current }: Keys): string => current.id ?? ''

/** Seals a secret under a key that Postgres does not hold, for this factor of this customer. */
export const sealSecret = (keys: Keys, owner: SecretOwner, secret: unknown): StoredSecret => ({
  sealedSecret: seal(keys, contextOf(owner), secret),
  sealKeyId: currentKeyId(keys),
})

/** Rejects with an Error if the key is not configured, or the text belongs to another factor or was changed. */
export const openSecret = <T>(keys: Keys, owner: SecretOwner, sealedSecret: string): Promise<T> =>
  unseal<T>(keys, contextOf(owner), sealedSecret)
