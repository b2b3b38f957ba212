// The example is a mocha test by itself.
import '../../examples/simulate-a-network.js';
