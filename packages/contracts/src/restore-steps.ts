// The steps of a restore, which all three services measure under one name: the gateway what the customer sends, the
// notifier the hand-over of the code, the password-service codes that are not sent and the new password.

export const restoreSteps = ['requested', 'code_sent', 'code_accepted', 'password_set'] as const
export type RestoreStep = (typeof restoreSteps)[number]

/** The channel of a restore's code; none if the step failed before it was known. */
export const stepChannels = ['email', 'sms', 'none'] as const
export type StepChannel = (typeof stepChannels)[number]

export const restoreStepsMetric = {
  name: 'rekey_restore_steps_total',
  help:
    'Steps of restores by outcome. requested: at the gateway, for known and unknown users alike; code_sent: handed over ' +
    'by the notifier, or not sent, by the reason; code_accepted: each submitted code; password_set: each new password',
} as const

export const restoreStepDelayMetric = {
  name: 'rekey_restore_step_delay_seconds',
  help:
    'Time up to a step of a restore that succeeded. code_sent: from the request of the code to its hand-over; ' +
    'code_accepted: from the request of the last code to the right one; password_set: from the right code, in whole ' +
    'seconds, to the commit of the new password',
} as const

/** The channel of a device: `oob:sms:…`. */
export const channelOfDevice = (device: string): StepChannel => {
  if (device.startsWith('oob:email')) return 'email'
  return device.startsWith('oob:sms') ? 'sms' : 'none'
}
