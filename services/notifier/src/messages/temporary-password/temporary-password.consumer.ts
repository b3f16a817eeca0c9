import { NotifyTemporaryPassword } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'
import { type MessageDeps, sendOn } from '../message.ts'
import { temporaryPasswordMessage } from './temporary-password.message.ts'

/** Sends temporary passwords that the back office set or a restore made. */
export const sendTemporaryPasswords = (deps: MessageDeps) =>
  sendOn(deps, NotifyTemporaryPassword, async ({ setBy, ...data }, eventId) => {
    const { sealedFields, present, now } = deps
    const expiresAt = new Date(data.expiresAt)
    if (now() >= expiresAt) throw new PermanentError('the temporary password expired before it could be sent')
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    const password = await sealedFields.password(eventId, data.password)
    const reportLink = await sealedFields.reportLink(eventId, data.reportLink)
    const message = temporaryPasswordMessage(present(recipient), { setBy, password, expiresAt, reportLink })
    return { recipient, message, expiresAt }
  })
