import { type Factor, formatTime } from '@rekey/contracts'
import type { StoredFactor } from './factors.store.ts'

/** A factor in force, as it is answered. `newAddressMs`: how long it is young. */
export const toFactor = (
  { id, kind, label, confirmedAt, lastUsedAt, codesLeft }: StoredFactor,
  { at, newAddressMs }: { at: Date; newAddressMs: number },
): Factor => ({
  id,
  kind,
  ...(label !== '' && { label }),
  createdAt: formatTime(confirmedAt),
  ...(lastUsedAt && { lastUsedAt: formatTime(lastUsedAt) }),
  young: at.getTime() - confirmedAt.getTime() < newAddressMs,
  ...(kind === 'recovery_codes' && { codesLeft }),
})
