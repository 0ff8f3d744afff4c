// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {TimelockControllerUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/TimelockControllerUpgradeable.sol";

/// @title Where decided proposals wait before they take effect
/// @notice Only the governor puts something in, anyone takes it out when its time has come, and nobody is administrator.
contract AssetTimelock is TimelockControllerUpgradeable {
    constructor() {
        _disableInitializers();
    }
}
