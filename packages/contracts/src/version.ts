/** Version of Rekey, as the NATS services and the published documents state it. */
export const version = '0.1.0'
