/** An entry of REKEY_CLIENTS_FILE: a public client by default. */
export const registeredClient = (client_id: string, other: object = {}) => ({
  client_id,
  type: 'public',
  redirect_uris: ['http://localhost'],
  origins: [],
  scopes: ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'CUSTOMER:PASSWORD:CHANGE'],
  ...other,
})
