import fc from "fast-check";
import { testSeed } from "./seed.ts";

// What a test draws by chance comes back with it; `make soak` draws anew.
fc.configureGlobal({ seed: testSeed() });
