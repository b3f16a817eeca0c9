import { NotifyFactorsChanged } from '@rekey/contracts'
import { type MessageDeps, sendOn } from '../message.ts'
import { factorsChangedMessage } from './factors-changed.message.ts'

/** Notifies a confirmed address of a change of the second factors. Each address of a customer has an event of its own. */
export const sendFactorsChanged = (deps: MessageDeps) =>
  sendOn(deps, NotifyFactorsChanged, async ({ operation, ip, ...data }, eventId) => {
    const { sealedFields, present } = deps
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    const reportLink = await sealedFields.reportLink(eventId, data.reportLink)
    const about = { operation, ip, changedAt: new Date(data.changedAt), unverified: data.unverified === true }
    return { recipient, message: factorsChangedMessage(present(recipient), { ...about, reportLink }) }
  })
