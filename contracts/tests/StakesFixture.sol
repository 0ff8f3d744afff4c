// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {AssetFactory} from "../src/AssetFactory.sol";
import {Grants} from "../src/Grants.sol";
import {Stakes} from "../src/Stakes.sol";
import {GrantsFixture} from "./GrantsFixture.sol";

/// An asset whose results can be disputed for a while, with five runners of whom the last has too little at stake.
abstract contract StakesFixture is GrantsFixture {
    uint96 internal constant STAKE = 1_000e6;
    // Longer than the constitution's votes take in these tests.
    uint32 internal constant CHALLENGE_TIME = 1 hours;
    bytes32 internal constant HONEST = keccak256("the honest result");
    bytes32 internal constant GARBAGE = keccak256("garbage");
    bytes32 internal constant KEY = keccak256("key of who computes it again");
    string internal constant CHALLENGE_TYPE =
        "Challenge(bytes32 request,uint32 use,bytes32 oneTimeKey,uint32 keyVersion,address runner)";

    uint256 private _deposits;

    function setUp() public virtual override {
        super.setUp();
        runnerKeys = sortedKeys("runner", 5);
        AssetFactory.AssetParams memory p = params("staked");
        (p.charter.challengeTime, p.charter.runnerStake) = (CHALLENGE_TIME, STAKE);
        useAsset(p);
        grow();
        for (uint256 i = 0; i < 5; i++) {
            deposit(runnerKeys[i], i < 4 ? STAKE : STAKE - 1);
        }
    }

    function depositCall(uint256 key, uint256 amount) internal returns (bytes memory) {
        address from = vm.addr(key);
        dollar.mint(from, amount);
        bytes32 nonce = bytes32(++_deposits);
        bytes memory s = signature(key, receiveDigest(from, address(stakes), amount, DEADLINE, nonce));
        return abi.encodeCall(stakes.deposit, (from, amount, 0, DEADLINE, nonce, s));
    }

    function deposit(uint256 key, uint256 amount) internal {
        (bool ok,) = address(stakes).call(depositCall(key, amount));
        vm.assertTrue(ok, "deposited");
    }

    /// A granted use with this result of the first runner.
    function posted(bytes32 result) internal returns (bytes32 id) {
        id = granted("disputed");
        open(id, 1);
        post(id, 0, result);
    }

    function resultSignature(uint256 key, bytes32 id, uint32 use, bytes32 result, bytes32 inputs)
        internal
        view
        returns (bytes memory)
    {
        bytes32 structHash = keccak256(abi.encode(keccak256(bytes(RESULT_TYPE)), id, use, result, inputs, vm.addr(key)));
        return signature(key, typedDigest("Trove Grants", block.chainid, address(grants), structHash));
    }

    function postCall(bytes32 id, uint256 i, bytes32 result) internal view returns (bytes memory) {
        return abi.encodeCall(
            grants.postResult, (id, 1, result, INPUTS, resultSignature(runnerKeys[i], id, 1, result, INPUTS))
        );
    }

    function post(bytes32 id, uint256 i, bytes32 result) internal {
        (bool ok,) = address(grants).call(postCall(id, i, result));
        vm.assertTrue(ok, "posted");
    }

    function challengeCallBy(uint256 key, bytes32 id) internal view returns (bytes memory) {
        return challengeCallBy(key, id, 1);
    }

    function challengeCallBy(uint256 key, bytes32 id, uint32 use) internal view returns (bytes memory) {
        uint32 version = grants.grantOf(id).keyVersion + 1;
        bytes32 structHash =
            keccak256(abi.encode(keccak256(bytes(CHALLENGE_TYPE)), id, use, KEY, version, vm.addr(key)));
        bytes memory signed = signature(key, typedDigest("Trove Grants", block.chainid, address(grants), structHash));
        return abi.encodeCall(grants.challenge, (id, use, KEY, version, vm.addr(key), signed));
    }

    function challengeCall(bytes32 id, uint256 i) internal view returns (bytes memory) {
        return challengeCallBy(runnerKeys[i], id);
    }

    function challenge(bytes32 id, uint256 i) internal {
        (bool ok,) = address(grants).call(challengeCall(id, i));
        vm.assertTrue(ok, "challenged");
    }

    function tooLate(uint256 until) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(Grants.TooLate.selector, until);
    }

    function charterAction(Grants.Charter memory c) internal view returns (Action memory) {
        return actionOf(address(grants), abi.encodeCall(Grants.setCharter, (c)), "Another charter");
    }

    function slashed(uint256 number, address account, address to, uint256 amount) internal view {
        vm.assertEq(stakes.slashings(), number + 1, "so many slashings");
        Stakes.Slashing memory s = stakes.slashingOf(number);
        vm.assertEq(s.account, account, "who pays");
        vm.assertEq(s.to, to, "who is paid");
        vm.assertEq(s.amount, amount, "how much");
    }
}
