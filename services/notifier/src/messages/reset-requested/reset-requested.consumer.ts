import { NotifyResetRequested } from '@rekey/contracts'
import { type MessageDeps, sendOn } from '../message.ts'
import { resetRequestedMessage } from './reset-requested.message.ts'

/** Notifies a confirmed address that the back office demands a new password. Each address has an event of its own. */
export const sendResetRequested = (deps: MessageDeps) =>
  sendOn(deps, NotifyResetRequested, async (data, eventId) => {
    const { sealedFields, present } = deps
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    const reportLink = await sealedFields.reportLink(eventId, data.reportLink)
    const requestedAt = new Date(data.requestedAt)
    const unverified = data.unverified === true
    return { recipient, message: resetRequestedMessage(present(recipient), { requestedAt, unverified, reportLink }) }
  })
