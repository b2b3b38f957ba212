import { emptyCapability } from './capability.js';

export const routeRefresh = emptyCapability(2, 'ROUTE_REFRESH', 'RFC 2918 2');
export const enhancedRouteRefresh = emptyCapability(70, 'ENHANCED_ROUTE_REFRESH', 'RFC 7313 3.1');
