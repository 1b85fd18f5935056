/** Where `make rehearsal` puts forge and model, and at which port both answer. */
export const rehearsalNamespace = "orchestrator-rehearsal";
export const rehearsalPort = 8443;
