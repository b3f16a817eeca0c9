import { NotifyVerification } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'
import { type MessageDeps, sendOn } from '../message.ts'
import { verificationMessage } from './verification.message.ts'

/** Sends the words and the code of a verification by the help desk. Retried until the code expires. */
export const sendVerifications = (deps: MessageDeps) =>
  sendOn(deps, NotifyVerification, async (data, eventId) => {
    const { sealedFields, present, now } = deps
    const expiresAt = new Date(data.expiresAt)
    if (now() >= expiresAt) throw new PermanentError('the code expired before it could be sent')
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    const secret = await sealedFields.verification(eventId, data.secret)
    return {
      recipient,
      message: verificationMessage(present(recipient), { ...secret, expiresAt, now: now() }),
      expiresAt,
    }
  })
