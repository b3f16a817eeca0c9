/** The services that publish or consume events. Each is a user of the broker with this name. */
export const serviceNames = ['auth-gateway', 'password-service', 'notifier'] as const
export type ServiceName = (typeof serviceNames)[number]
