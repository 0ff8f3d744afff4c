// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {TestDollar} from "../src/TestDollar.sol";

/// Keeps one unit in ten of what is sent.
abstract contract Fee is ERC20 {
    function _update(address from, address to, uint256 value) internal virtual override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), value / 10);
    }
}

contract FeeToken is ERC20("Fee", "FEE"), Fee {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, Fee) {
        super._update(from, to, value);
    }
}

contract FeeDollar is TestDollar(msg.sender), Fee {
    function _update(address from, address to, uint256 value) internal override(ERC20, Fee) {
        super._update(from, to, value);
    }

    function decimals() public pure override(ERC20, TestDollar) returns (uint8) {
        return 6;
    }
}

/// Calls back in the middle of every transfer, and remembers how that went.
abstract contract Reentrant is ERC20 {
    address public target;
    bytes public call;
    bool public succeeded;
    bytes4 public refusal;

    function arm(address target_, bytes calldata call_) external {
        target = target_;
        call = call_;
    }

    function _update(address from, address to, uint256 value) internal virtual override {
        super._update(from, to, value);
        if (target == address(0)) return;
        (address armed, bytes memory data) = (target, call);
        target = address(0);
        bytes memory answer;
        (succeeded, answer) = armed.call(data);
        refusal = bytes4(answer);
    }
}

contract ReentrantToken is ERC20("Reentrant", "RE"), Reentrant {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, Reentrant) {
        super._update(from, to, value);
    }
}

contract ReentrantDollar is TestDollar(msg.sender), Reentrant {
    function _update(address from, address to, uint256 value) internal override(ERC20, Reentrant) {
        super._update(from, to, value);
    }

    function decimals() public pure override(ERC20, TestDollar) returns (uint8) {
        return 6;
    }
}
