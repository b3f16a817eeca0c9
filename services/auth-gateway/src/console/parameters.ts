import { SerialId, Uuid } from '@rekey/contracts'
import { Type } from '@sinclair/typebox'

// Parameters that several pages of the console have.

export const OneCustomer = Type.Object({ clientId: SerialId })
export const OneApproval = Type.Object({ approvalId: Uuid })
export const OneJob = Type.Object({ jobId: Uuid })

/** Of a list: how many records come before the first that is shown. */
export const Offset = Type.Object({ offset: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 0 }) })
